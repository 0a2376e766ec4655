"""Files and pipes in and out of a command, and how it says what it left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from lrrc.runtime.errors import one_line_of
from lrrc.runtime.files import atomic

STDIN, STDOUT = ("-", "/dev/stdin"), ("-", "/dev/stdout")
INPUT = """\
input:    chat logs {"id", "messages": [...]}, arena rows, or the exports of other tools in docs/own_logs.md;
          JSON lines, an array or parquet, compressed or not; - for the standard input"""
MOST_TOLD = 20  # reasons that are printed one by one


class LeftOut:
    """What a command left out of its input, and why."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: list[str] = []

    def __call__(self, reason: ValueError | str) -> None:
        self.count += 1
        if self.count <= MOST_TOLD:
            self.reasons.append(one_line_of(ValueError(reason)))

    def tell(self) -> int:
        """Say the first reasons on stderr, and how many more there are. Returns the exit status."""
        print(*self.reasons, sep="\n", end="\n" * bool(self.reasons), file=sys.stderr)
        if self.count > MOST_TOLD:
            print(f"and {self.count - MOST_TOLD:,} more", file=sys.stderr)
        return 2 if self.count else 0

    def check(self, source: Path, good: int) -> int:
        """`tell`, where anything was good. Raises ValueError with the first reason where nothing was."""
        self.check_any(source, good)
        status = self.tell()
        if status:
            print(f"{self.count:,} left out, {good:,} read", file=sys.stderr)
        return status

    def check_any(self, source: Path, good: int) -> None:
        """Raises ValueError with the first reason where nothing was good."""
        if not good:
            more = f" ({self.count - 1:,} more like this)" if self.count > 1 else ""
            raise ValueError(f"{self.reasons[0]}{more}" if self.count else f"{source}: holds no conversation")


def check_input(source: Path) -> None:
    """Raises ValueError where there is nothing to read."""
    if str(source) not in STDIN and (not source.exists() or source.is_dir()):
        raise ValueError(f"{source}: no such file")


@contextmanager
def open_input(source: Path) -> Iterator[BinaryIO]:
    """The bytes of a file or a pipe, or of the standard input for `-`."""
    if str(source) in STDIN:
        with open(0, "rb", closefd=False) as file:
            yield file
    else:
        with source.open("rb") as file:
            yield file


@contextmanager
def open_output(target: Path, source: BinaryIO) -> Iterator[TextIO]:
    """A file that is whole or not there; for `-` the standard output, which gets what there is when there is it.

    Raises ValueError where `target` is not a file of its own.
    """
    if str(target) in STDOUT:
        with open(1, "w", encoding="utf-8", newline="\n", closefd=False) as out:
            yield out
        return
    if target.exists() and (not target.is_file() or os.path.samestat(target.stat(), os.fstat(source.fileno()))):
        raise ValueError(f"{target}: must be a file of its own, not the input, a folder or a device")
    with atomic(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        yield out
