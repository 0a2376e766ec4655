"""Keep the values of environment variables that hold secrets out of what is printed, logged or stored."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY", re.IGNORECASE)


def scrub(text: str) -> str:
    """`text` without the values of secret environment variables and without passwords in addresses."""
    for value in _secrets():
        text = text.replace(value, "***")
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", text)


def holds_secret(file: Path) -> bool:
    """Does the file contain the value of a secret environment variable?"""
    held = file.read_bytes()
    return any(value.encode() in held for value in _secrets())


def _secrets() -> list[str]:
    return [value for name, value in os.environ.items() if _NAME.search(name) and len(value) >= 8]
