"""Keep the values of environment variables that hold secrets out of what is printed, logged or stored."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import quote

_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)  # as the header Authorization has it


def redact(text: str) -> str:
    """`text` without the values of secret environment variables, passwords in addresses and Authorization headers."""
    for value in _secrets():
        text = text.replace(value, "***")
    text = re.sub(r"(?<=://)[^/\s@]+@", "***@", text)
    return _BEARER.sub(r"\1 ***", text)


def holds_secret(file: Path) -> bool:
    """Does the file contain the value of a secret environment variable?"""
    held = file.read_bytes()
    return any(value.encode("utf-8", "surrogateescape") in held for value in _secrets())


def _secrets() -> list[str]:
    """The values as they stand, in JSON and in addresses, longest first."""
    values = [value for name, value in os.environ.items() if _NAME.search(name) and len(value) >= 8]
    forms = {form for value in values for form in (value, json.dumps(value)[1:-1], quote(value), quote(value, ""))}
    return sorted(forms, key=len, reverse=True)
