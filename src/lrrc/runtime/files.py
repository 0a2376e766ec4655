"""Files that are either whole or absent, and whose bytes depend on nothing but their content.

A stage that is killed leaves the old file or none: everything is written beside its place, synced, renamed.
The temporary names end in `.tmp`, which git and DVC ignore.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import math
import os
import re
import reprlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


GROUP_ROWS = 16_384  # of a row group
WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # what the system may say to a write
_shorten = reprlib.Repr()
_shorten.maxstring = _shorten.maxother = 60


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` (made where missing); renamed to `path` if the block succeeds.

    The block writes a file there or a folder. Raises OSError that names `path` where its folder cannot be written or
    the disk is full; `path` is then as it was before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if temporary.is_dir():
            for file in temporary.rglob("*"):
                _sync(file)
            shutil.rmtree(path, ignore_errors=True)  # a rename replaces files alone
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except Exception as error:
        if number := _refusal(error, temporary):
            raise OSError(number, os.strerror(number), str(path)) from error
        raise
    finally:
        _remove(temporary)


def _refusal(error: Exception, temporary: Path) -> int | None:
    """The number of a failed write behind an error that does not name the file meant; libraries bury it in a text."""
    if isinstance(error, OSError) and error.filename:
        return error.errno if str(error.filename) == str(temporary) else None
    found = re.search(r"(?:\(os error|\[errno) (\d+)", str(error), re.IGNORECASE)
    number = int(found[1]) if found else getattr(error, "errno", None)
    return number if number in WRITING else None


def _clear(path: Path) -> None:
    """Remove what killed processes left of earlier tries, where the system tells who lives."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.*.tmp*") if os.name == "posix" else ():
        owner = re.search(r"\.(\d+)\.tmp", old.name)  # sqlite has a journal beside, named after it
        try:
            os.kill(int(owner[1]), 0) if owner else None
        except ProcessLookupError:
            _remove(old)
        except PermissionError:
            continue  # it lives, as somebody else


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Make a file's content, or a rename in a folder, survive a power cut; not every system lets a folder be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str) -> None:
    """UTF-8, as it stands."""
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, one space of indent, a final newline. Raises ValueError for NaN and infinity."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: str | Path, value: Any) -> None:
    """Canonical JSON."""
    write_text(path, canonical_json(value))


def write_parquet(path: str | Path, tables: pa.Table | Iterable[pa.Table], schema: pa.Schema | None = None) -> None:
    """A table, or tables of one `schema` one after the other (memory holds one at a time).

    Pages carry checksums, so that damage is found on reading.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(tables, pa.Table):
        tables, schema = [tables], tables.schema
    assert schema is not None
    schema = schema.remove_metadata()
    options = {"compression": "zstd", "write_page_checksum": True}
    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, **options) as writer:
        for table in tables:
            writer.write_table(table.cast(schema))


def write_stream(path: str | Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> int:
    """Rows as parquet, a row group in memory at a time. Returns how many there are."""
    import pyarrow as pa

    counts: list[int] = []

    def tables() -> Iterator[pa.Table]:
        remaining = iter(rows)
        while (some := list(islice(remaining, GROUP_ROWS))) or not counts:
            counts.append(len(some))
            yield pa.Table.from_pylist(some, schema=schema)

    write_parquet(path, tables(), schema)
    return sum(counts)


def invalid_value(where: str, field: str, value: object, allowed: str) -> ValueError:
    """The one-line error for a value from outside: what, where, what is allowed."""
    return ValueError(f"{where}: {field} = {shortened(value)}: allowed is {allowed}")


def shortened(value: object) -> str:
    """A value from outside in one short line, however large or deep it is."""
    try:
        return _shorten.repr(value)
    except ValueError:  # an integer with more digits than Python prints
        return f"<{type(value).__name__} too long to show>"


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hex hash of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def rounded(value: Any) -> Any:
    """Plain Python values, floats of 10 significant digits, None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, (bool, str)) or value is None:
        return value
    if hasattr(value, "__index__"):
        return int(value)
    return float(f"{value:.10g}") if math.isfinite(value) else None
