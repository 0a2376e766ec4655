"""Rows of files however they were written: JSONL, an array, indented JSON or parquet; any Unicode encoding; compressed.

Lines pass through one at a time, so a file of JSONL may be larger than memory. A value that goes over several lines is
in memory whole. NaN and Infinity, which Python writes into JSON, are read: a field that nobody reads may hold anything.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from lrrc.runtime.errors import reason_of

ROWS_AT_ONCE = 64  # of parquet; bounds memory where single cells have megabytes
COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
UNREAD = {
    b"PK\x03\x04": "a zip archive: unpack it first (an Inspect log: inspect log convert --to json)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: decompress it first (zstd -d)",
    b"SQLite": "an SQLite database: export the conversations as JSON lines",
    b"ARROW1": "an Arrow file: save it as parquet",
}
BETWEEN = re.compile(r"[\s,\0\x1e\ufeff]*")  # what may stand between two values beside line breaks
CONTINUED = (" ", "\t", "}", "]")  # begins of lines that belong to a value begun before
STRICT, LAX = json.JSONDecoder(), json.JSONDecoder(strict=False)

Refuse = Callable[[ValueError], None]


class Row(NamedTuple):
    """`where` names file and line, `number` is that of the line or row, from 1."""

    where: str
    number: int
    value: Any


def raise_it(error: ValueError) -> None:
    """Refuse the whole file for one bad row."""
    raise error


def read_rows(path: str | Path, columns: Iterable[str | None]) -> Iterator[Row]:
    """Every row of a file. Of parquet only `columns` are read; those that are not are null.

    Raises ValueError where there is no such file, and for the first thing in it that cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with path.open("rb") as file:
        yield from rows_of(file, columns, f"{path}: ", parquet=path.suffix == ".parquet")


def rows_of(
    file: BinaryIO,
    columns: Iterable[str | None],
    inside: str = "",
    refuse: Refuse = raise_it,
    parquet: bool = False,
) -> Iterator[Row]:
    """Every row of an open file or pipe, whose name stands in front of places as `inside`.

    `refuse` gets what cannot be read and may let the rest go on. Raises ValueError for a file that is broken as a
    whole.
    """
    try:
        plain = _decompressed(file)
        start = plain.peek(6)[:6]
        if what := next((what for mark, what in UNREAD.items() if start.startswith(mark)), None):
            raise ValueError(f"{inside}{what}")
        if parquet or start.startswith(b"PAR1"):
            yield from _parquet_rows(plain, set(columns), inside)
            return
        for number, value in _values(_lines(plain, inside, refuse), inside, refuse):
            yield Row(f"{inside}line {number}", number, value)
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{inside}compressed, and cut off or broken: {reason_of(error)}") from None


def _decompressed(file: BinaryIO) -> io.BufferedReader:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)
    start = buffered.peek(6)
    for mark, opened in COMPRESSED.items():
        if start.startswith(mark):
            return io.BufferedReader(opened(buffered))
    return buffered


def _lines(file: io.BufferedReader, inside: str, refuse: Refuse) -> Iterator[tuple[int, str]]:
    """(number, text) of every line. In UTF-8, which most files have, a line that is none is refused alone."""
    encoding = json.detect_encoding(file.peek(4)[:4])
    if not encoding.startswith("utf-8"):
        text = io.TextIOWrapper(file, encoding)
        try:
            yield from enumerate(text, 1)
        except UnicodeError as error:
            raise ValueError(f"{inside}not {encoding}, as its beginning says: {reason_of(error)}") from None
        finally:
            text.detach()  # who opened the file closes it
        return
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02x} at {error.start}"
            refuse(ValueError(f"{inside}line {number}: not UTF-8 ({byte}): save the file as UTF-8"))
        else:
            yield number, text


def _values(lines: Iterable[tuple[int, str]], inside: str, refuse: Refuse) -> Iterator[tuple[int, Any]]:
    """(number of its first line, value) of all values in JSON: one a line, several, or one on many lines."""
    source, waiting = iter(lines), deque[tuple[int, str]]()

    def take() -> tuple[int, str] | None:
        return waiting.popleft() if waiting else next(source, None)

    while (taken := take()) is not None:
        first, text = taken
        at, wanted = 0, 1
        while (at := BETWEEN.match(text, at).end()) < len(text):
            try:
                value, after = STRICT.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                # more lines where the value may go on: each time twice as many, as every try begins anew
                if getattr(error, "pos", 0) >= len(text.rstrip()) - 1:
                    more = [line for _ in range(wanted) if (line := take()) is not None]
                    if more:
                        text, wanted = text + "".join(line for _, line in more), 2 * wanted
                        continue
                number, (line, _, rest) = first + text.count("\n", 0, at), text[at:].partition("\n")
                waiting.extendleft(reversed([(number + i, f"{t}\n") for i, t in enumerate(rest.split("\n"), 1) if t]))
                try:
                    yield number, LAX.decode(line.rstrip(",\0\r\t "))  # raw line feeds and tabs inside texts
                except (ValueError, RecursionError):
                    refuse(ValueError(f"{inside}line {number}: not JSON: {_mistake(error, text, at)}"))
                    while (taken := take()) and taken[1].startswith(CONTINUED):
                        pass
                    waiting.extendleft([taken] if taken else ())
                break
            yield first + text.count("\n", 0, at), value
            at = after


def _mistake(error: Exception, text: str, at: int) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "too deep" if isinstance(error, RecursionError) else reason_of(error)
    if error.pos >= len(text.rstrip()) - 1:
        return f"cut off ({error.msg})"
    if later := text.count("\n", at, error.pos):
        return f"{error.msg}, {later} lines on"
    return f"{error.msg}, at character {error.pos - at + 1}"


def _parquet_rows(file: io.BufferedReader, columns: set[str | None], inside: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(
            file if file.seekable() else io.BytesIO(file.read()), page_checksum_verification=True
        ) as table:
            known = table.schema_arrow.names
            names = [name for name in known if name in columns]
            if len(set(names)) < len(names):
                raise ValueError(f"{max(names, key=names.count)} is the name of two columns")
            unread = {name: None for name in known if name not in names}
            for batch in table.iter_batches(ROWS_AT_ONCE, columns=names):
                for row in batch.to_pylist():
                    number += 1
                    yield Row(f"{inside}row {number}", number, {**row, **unread})
    except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError) as error:
        raise ValueError(f"{inside}not a whole parquet file, after row {number}: {reason_of(error)}") from None
