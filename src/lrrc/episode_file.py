"""Episodes of a parquet file (as `write_episodes` makes it) by row or by id, without reading the others.

Memory holds the ids and one row group. What the stages before wrote is trusted: rows are parsed, not compared.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.engine import chunks
from lrrc.episodes import COLUMNS, EPISODES_AT_ONCE, Episode, parse_episode


class EpisodeFile:
    """Raises ValueError where the file is missing or broken."""

    def __init__(self, path: str | Path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = Path(path)
        if not self.path.is_file():
            raise ValueError(f"{path}: no such file")
        try:
            self.file = pq.ParquetFile(self.path, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise self._broken(error) from None
        names = set(self.file.schema_arrow.names)
        self.columns = [name for name in COLUMNS if name in names]
        sizes = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @functools.cached_property
    def place(self) -> dict[str, int]:
        """Id -> row."""
        return {episode_id: row for row, episode_id in enumerate(self.column("question_id"))}

    @functools.cached_property
    def judged(self) -> dict[str, str]:
        """Id -> outcome of the episodes of two agents that have one."""
        several = zip(*map(self.column, ("question_id", "winner", "model_b")), strict=True)
        return {i: winner for i, winner, second in several if winner and second is not None}

    def column(self, name: str) -> list[Any]:
        """The values of a column, row by row."""
        return self.file.read(columns=[name]).column(0).to_pylist()

    def rows(self, start: int, stop: int) -> list[Episode]:
        """Episodes of the rows from `start` up to `stop`, counted from 0."""
        return self._read(np.arange(start, min(stop, len(self))))

    def of(self, ids: Sequence[str]) -> list[Episode]:
        """Episodes by id, in the order of `ids`."""
        return self._read(np.array([self.place[i] for i in ids], np.int64))

    def each(self, ids: Sequence[str]) -> Iterator[Episode]:
        """The same, a few at a time."""
        for start, stop in chunks(len(ids), EPISODES_AT_ONCE):
            yield from self.of(ids[start:stop])

    def _read(self, rows: np.ndarray) -> list[Episode]:
        import pyarrow as pa

        found: dict[int, Episode] = {}
        group_of = np.searchsorted(self.starts, rows, side="right") - 1
        for group in np.unique(group_of):
            wanted = rows[group_of == group]
            try:
                table = self.file.read_row_group(int(group), columns=self.columns)
                values = table.take(wanted - self.starts[group]).to_pylist()
            except (pa.ArrowException, OSError) as error:
                raise self._broken(error) from None
            for row, value in zip(wanted.tolist(), values, strict=True):
                found[row] = parse_episode(value, f"{self.path}: row {row + 1}")
        return [found[row] for row in rows.tolist()]

    def _broken(self, error: Exception) -> ValueError:
        return ValueError(f"{self.path}: not a whole parquet file: {' '.join(str(error).split())[:200]}")


def open_episodes(path: str | Path) -> EpisodeFile:
    """The file, opened once per process."""
    return _opened(str(path), os.getpid())


@functools.lru_cache(maxsize=2)
def _opened(path: str, process: int) -> EpisodeFile:  # a forked worker must not share the parent's handle
    return EpisodeFile(path)
