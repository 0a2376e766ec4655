"""Safetensors files of any size, written and read in stretches of rows.

The library writes a file from arrays that are all in memory, and maps it whole to read. Here every tensor grows in a
file of its own until all rows are there, and rows are read by offset; the bytes are those that the library would write.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

ALIGNMENT = 8  # bytes; the header is padded to it with spaces
KINDS = {"I64": np.int64, "I32": np.int32, "F32": np.float32}


def write_tensors(
    path: Path,
    parts: Iterable[Mapping[str, np.ndarray]],
    empty: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """The parts' arrays, name by name one after the other. `empty` says names and kinds, and shapes if there are none.

    `metadata` may be filled while `parts` are drawn: it is read at the end.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp") as folder:
        rows, shapes = dict.fromkeys(empty, 0), {name: array.shape[1:] for name, array in empty.items()}
        with ExitStack() as stack:
            files = {name: stack.enter_context(open(Path(folder, name), "wb")) for name in empty}
            for part in parts:
                assert part.keys() == empty.keys()
                for name, array in part.items():
                    assert array.dtype == empty[name].dtype and (not rows[name] or array.shape[1:] == shapes[name])
                    files[name].write(np.ascontiguousarray(array).data)
                    rows[name] += len(array)
                    shapes[name] = array.shape[1:]
        with open(path, "wb") as out:
            out.write(_header({name: (rows[name], *shapes[name]) for name in empty}, empty, metadata))
            for name in _order(empty):
                with open(Path(folder, name), "rb") as file:
                    shutil.copyfileobj(file, out, 1 << 20)


def _order(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Names in the order of the library's files, as it says itself."""
    from safetensors.numpy import save

    written = save({name: np.zeros(1, array.dtype) for name, array in arrays.items()})
    return list(json.loads(written[8 : 8 + int.from_bytes(written[:8], "little")]))


def _header(shapes: Mapping[str, tuple], arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None) -> bytes:
    kinds = {np.dtype(kind): name for name, kind in KINDS.items()}
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in _order(arrays):
        start, end = end, end + int(np.prod(shapes[name], dtype=np.int64)) * arrays[name].dtype.itemsize
        entries[name] = {"dtype": kinds[arrays[name].dtype], "shape": shapes[name], "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


class TensorReader:
    """The tensors of a file by stretches of rows. Raises ValueError where it is not whole."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.first = 8 + int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(self.first - 8))
                length = file.seek(0, 2)
            self.metadata = header.pop("__metadata__", {})
            self.entries = {
                name: (np.dtype(KINDS[e["dtype"]]), tuple(e["shape"][1:]), e["shape"][0], e["data_offsets"][0])
                for name, e in header.items()
            }
            whole = length == self.first + max((e["data_offsets"][1] for e in header.values()), default=0)
        except (ValueError, KeyError, TypeError, OverflowError, MemoryError):
            whole = False
        if not whole:
            raise ValueError(f"{path}: not a whole safetensors file: make it again")

    def rows(self, name: str) -> int:
        """Rows of a tensor."""
        return self.entries[name][2]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """A copy of the rows from `start` up to `stop`; nothing else is read."""
        kind, shape, rows, offset = self.entries[name]
        stop = rows if stop is None else stop
        width = int(np.prod(shape, dtype=np.int64))
        with open(self.path, "rb") as file:  # not mapped: mapped pages would count as this process's memory
            file.seek(self.first + offset + start * width * kind.itemsize)
            return np.fromfile(file, kind, (stop - start) * width).reshape(stop - start, *shape)
