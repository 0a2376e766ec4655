"""What several commands take as arguments: a checkpoint with its encoder, and pipes where files are meant."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from lrrc.runtime.files import atomic

if TYPE_CHECKING:
    from lrrc.policies.base import Policy
    from lrrc.policies.spec import PolicySpec

STDIN, STDOUT = ("-", "/dev/stdin"), ("-", "/dev/stdout")


def add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        type=Path,
        help="the folder of sentence vectors (default: data/encoder of the project that --checkpoint lies in, or of "
        "this folder)",
    )


def load(spec: PolicySpec, encoder: Path | None, checkpoint: Path | None) -> Policy:
    """The policy with the encoder that belongs to its checkpoint, from whatever folder the command is called.

    Raises ValueError.
    """
    from lrrc.policies.registry import load_policy

    return load_policy(spec, find_encoder(spec, encoder, checkpoint), checkpoint)


def find_encoder(spec: PolicySpec, encoder: Path | None, checkpoint: Path | None) -> Path | None:
    """`encoder`, or else the one that lies where a checkpoint's does; None for the default.

    Raises ValueError that names the folders where none was found.
    """
    from lrrc.policies.registry import DEFAULT_ENCODER
    from lrrc.pretrained.sentence_encoder import FILES

    if encoder or not checkpoint or not checkpoint.is_dir() or not (spec.trained or spec.name == "embedding"):
        return encoder
    folder = Path(os.path.abspath(checkpoint))
    tried = [folder.parent.parent / "data/encoder", folder / "encoder", folder.parent / "encoder", DEFAULT_ENCODER]
    found = [place for place in tried if all((place / name).is_file() for name in FILES)]
    if not found:
        places = ", ".join(map(str, tried))
        raise ValueError(f"{checkpoint}: no encoder was found for it (tried {places}): name its folder by --encoder")
    return found[0]


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


@contextmanager
def as_file(source: Path) -> Iterator[Path]:
    """A file with what `source` holds: itself, or a copy of a pipe, which can be read only once.

    Errors that name the copy name the pipe instead.
    """
    if str(source) not in STDIN and source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        with open_input(source) as pipe, copy.open("wb") as out:
            shutil.copyfileobj(pipe, out)
        try:
            yield copy
        except ValueError as error:
            raise ValueError(str(error).replace(str(copy), str(source))) from None
