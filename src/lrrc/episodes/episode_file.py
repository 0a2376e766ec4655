"""Episodes of a parquet file (as `write_episodes` makes it) by row or by id, without reading the others.

Memory holds the ids and one row group. What the stages before wrote is trusted: rows are parsed, not compared.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.episodes.episode import ARENA_AGENTS, Episode, Message
from lrrc.episodes.forms import COLUMNS as FORM_COLUMNS
from lrrc.episodes.forms import conversation_rows
from lrrc.episodes.parsing import COLUMNS, parse_episode
from lrrc.runtime.errors import reason_of
from lrrc.runtime.executor import chunks
from lrrc.runtime.files import write_parquet
from lrrc.runtime.rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa


EPISODES_AT_ONCE = 64  # bounds memory where single messages have megabytes


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
    def row_of(self) -> dict[str, int]:
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

    def by_ids(self, ids: Sequence[str]) -> list[Episode]:
        """Episodes by id, in the order of `ids`."""
        return self._read(np.array([self.row_of[i] for i in ids], np.int64))

    def each(self, ids: Sequence[str]) -> Iterator[Episode]:
        """The same, a few at a time."""
        for start, stop in chunks(len(ids), EPISODES_AT_ONCE):
            yield from self.by_ids(ids[start:stop])

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
        return ValueError(f"{self.path}: not a whole parquet file: {reason_of(error)}")


def open_episodes(path: str | Path) -> EpisodeFile:
    """The file, opened once per process."""
    return _opened(str(path), os.getpid())


@functools.lru_cache(maxsize=2)
def _opened(path: str, process: int) -> EpisodeFile:  # a forked worker must not share the parent's handle
    return EpisodeFile(path)


def read_episodes(path: str | Path, group_by: str | None = None) -> list[Episode]:
    """Every episode of a file in any of the forms known. `group_by` names the column that becomes `Episode.group`.

    Raises ValueError naming file, row, field and what is allowed.
    """
    return list(iter_episodes(path, group_by))


def iter_episodes(path: str | Path, group_by: str | None = None) -> Iterator[Episode]:
    """`read_episodes`, one at a time."""
    seen: dict[str, str] = {}
    for where, row in conversation_rows(read_rows(path, (*COLUMNS, *FORM_COLUMNS, group_by))):
        episode = parse_episode(row, where, group_by)
        first = seen.setdefault(episode.episode_id, where)
        if first is not where:
            raise ValueError(f"{where}: id {episode.episode_id!r} stands already in {first}; ids must differ")
        yield episode
    if not seen:
        raise ValueError(f"{path}: holds no episode")


def schema() -> pa.Schema:
    """The columns on disk. What an episode does not keep (anony, tstamp, moderation) is null."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    conversation = pa.list_(pa.struct([("role", text), ("content", text), ("name", text)]))
    check = pa.struct(
        [
            ("turn", whole),
            ("family", text),
            ("question", text),
            ("options", pa.list_(text)),
            ("answer", whole),
            ("fact_turn", whole),
            ("choices", pa.list_(whole)),
        ]
    )
    flag = pa.struct([("flagged", pa.bool_())])
    return pa.schema(
        [
            ("question_id", text),
            ("model_a", text),
            ("model_b", text),
            ("winner", text),
            ("judge", text),
            ("conversation_a", conversation),
            ("conversation_b", conversation),
            ("turn", whole),
            ("anony", pa.bool_()),
            ("language", text),
            ("tstamp", pa.float64()),
            ("openai_moderation", flag),
            ("toxic_chat_tag", pa.struct([("roberta-large", flag), ("t5-large", flag)])),
            ("group", text),
            ("category", text),
            ("checks", pa.list_(check)),
        ]
    )


def to_row(episode: Episode) -> dict[str, Any]:
    """The episode as a row of `schema()`; `parse_episode` gives it back."""
    sides = []
    for agent in episode.agents:
        side = list(episode.system)
        for turn in episode.turns:
            side += [*turn.inputs, *(Message(r.role, r.content) for r in turn.replies if r.name == agent)]
        sides.append([asdict(message) for message in side])
    return {
        "question_id": episode.episode_id,
        **dict(zip_longest(ARENA_AGENTS, episode.models)),
        "winner": episode.outcome,
        "judge": episode.judge,
        "conversation_a": sides[0],
        "conversation_b": sides[1] if len(sides) > 1 else [],
        "turn": sum(bool(turn.replies) for turn in episode.turns),
        "language": episode.language,
        "group": episode.group,
        "category": episode.category,
        "checks": [asdict(check) for check in episode.checks],
    }


def write_episodes(path: str | Path, episodes: Iterable[Episode]) -> None:
    """Parquet in the columns of the arena; the same episodes give the same bytes."""
    import pyarrow as pa

    remaining = iter(episodes)
    chunks = iter(lambda: [to_row(episode) for episode in islice(remaining, EPISODES_AT_ONCE)], [])
    write_parquet(path, (pa.Table.from_pylist(chunk, schema()) for chunk in chunks), schema())
