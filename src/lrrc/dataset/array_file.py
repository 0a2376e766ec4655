"""data/segments.safetensors: the arrays of every episode, written chunk by chunk and read episode by episode.

One array per name for the whole data set; where an episode begins in each follows from its numbers of segments, turns
and agents. Memory holds these numbers, never the data set.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lrrc.dataset.episode_arrays import EpisodeArrays, Targets, rows_arrays
from lrrc.dataset.episode_store import EpisodeStore, Part, write_parts
from lrrc.digest.features import FEATURES
from lrrc.digest.reply_form import FORM
from lrrc.episodes.episode_file import EPISODES_AT_ONCE, open_episodes
from lrrc.params import TARGETS
from lrrc.runtime.executor import chunks, map_in_order

AT_ONCE = 4096  # episodes whose numbers are summed together


def flatten(episodes: Sequence[EpisodeArrays], form: bool = False) -> Part:
    """Ids and arrays of some episodes as they stand in the file: less to send than many small arrays.

    `form`: also how the agents' replies differ, for outcome heads that see it (model.form).
    """

    def joined(parts: list[np.ndarray], shape: tuple[int, ...], kind: type) -> np.ndarray:
        return np.concatenate([np.zeros(shape, kind), *parts]).astype(kind, copy=False)

    words = [pair for e in episodes for turn in e.essential for pair in turn]
    width = episodes[0].embeddings_NE.shape[1] if episodes else 0
    arrays = {
        "segments": np.array([len(e.turn_N) for e in episodes], np.int64),
        "turns": np.array([e.turns for e in episodes], np.int64),
        "agents": np.array([e.agents for e in episodes], np.int64),
        "outcome": np.array([e.outcome for e in episodes], np.int64),
        "embeddings": joined([e.embeddings_NE for e in episodes], (0, width), np.float32),
        "turn": joined([e.turn_N for e in episodes], (0,), np.int32),
        "speaker": joined([e.speaker_N for e in episodes], (0,), np.int32),
        "standing": joined([e.standing_N for e in episodes], (0,), np.float32),
        "query": joined([e.query_TE for e in episodes], (0, width), np.float32),
        "features": joined([f for e in episodes for f in e.features], (0, len(FEATURES)), np.float32),
        **{
            f"target_{kind}": joined(
                [t.reshape(-1) for e in episodes for t in e.targets[kind].target], (0,), np.float32
            )
            for kind in TARGETS
        },
        **{
            f"worth_{kind}": joined([e.targets[kind].worth_TM.reshape(-1) for e in episodes], (0,), np.float32)
            for kind in TARGETS
        },
        "essential_counts": np.array([len(hashes) for hashes, _ in words], np.int64),
        "essential_hashes": joined([hashes for hashes, _ in words], (0,), np.int64),
        "essential_weights": joined([weights for _, weights in words], (0,), np.float32),
    }
    if form:
        arrays["form"] = joined([e.form_TF for e in episodes], (0, len(FORM)), np.float32)
    return [e.episode_id for e in episodes], arrays


def write_arrays(path: Path, parts: Iterable[Part], form: bool = False) -> None:
    """The file of all parts, which hold forms or do not."""
    write_parts(path, parts, flatten([], form)[1])


def array_parts(  # by name from max_segment_tokens on
    source: Path,
    vectors: Path,
    max_segment_tokens: int,
    stored: Path | None,
    engine: str = "local",
    form: bool = False,
) -> Iterator[Part]:
    """The parts of the episodes of a parquet file, with a line of progress where it takes long.

    `stored`: the gains of their segments, None where there are none; `form` as in `flatten`.
    """
    rows = len(open_episodes(source))
    options = {"source": source, "vectors": vectors, "max_segment_tokens": max_segment_tokens, "stored": stored}
    done = map_in_order(partial(_part, form=form, **options), chunks(rows, EPISODES_AT_ONCE), engine)
    with tqdm(total=rows, unit="episode", delay=5) as progress:
        for (start, stop), part in done:
            progress.update(stop - start)
            yield part


def _part(start: int, stop: int, form: bool, **options: Any) -> Part:
    return flatten(rows_arrays(start, stop, **options), form)


class ArrayFile(EpisodeStore):
    """Episode id -> its EpisodeArrays. Raises ValueError where the file is missing or broken."""

    def __init__(self, path: Path):
        if not Path(path).is_file():
            raise ValueError(f"{path}: no segment arrays here: run `dvc repro embed` first")
        super().__init__(path)
        self.sizes = {name: self.file.read(name) for name in ("segments", "turns", "agents", "outcome")}
        segments, turns, agents = (self.sizes[name] for name in ("segments", "turns", "agents"))
        seen = np.empty_like(segments)  # rows of features: a segment is seen in every turn after its own
        first = _starts(segments)
        for a, b in _blocks(len(segments)):
            turn_N = self.file.read("turn", first[a], first[b])
            owner_N = np.repeat(np.arange(b - a), segments[a:b])
            seen[a:b] = np.bincount(owner_N, turns[a:b][owner_N] - 1 - turn_N, b - a)
        calls = _starts(turns * agents)
        words = np.empty_like(segments)
        for a, b in _blocks(len(segments)):
            counts = self.file.read("essential_counts", calls[a], calls[b])
            words[a:b] = np.bincount(np.repeat(np.arange(b - a), (turns * agents)[a:b]), counts, b - a)
        self.starts = {
            "segments": first,
            "turns": _starts(turns),
            "calls": calls,
            "seen": _starts(seen),
            "targets": _starts(seen * agents),
            "words": _starts(words),
        }

    def __getitem__(self, episode_id: str) -> EpisodeArrays:
        i = self.row_of[episode_id]

        def take(name: str, along: str) -> np.ndarray:
            return self.file.read(name, self.starts[along][i], self.starts[along][i + 1])

        turns, agents = int(self.sizes["turns"][i]), int(self.sizes["agents"][i])
        turn_N = take("turn", "segments")
        ends = np.cumsum([int((turn_N < t).sum()) for t in range(turns)], dtype=int)[:-1]  # of the rows of each turn

        def by_turn(array: np.ndarray, times: int = 1) -> list[np.ndarray]:
            return np.split(array, ends * times) if turns else []

        counts = take("essential_counts", "calls")
        pairs = [
            np.split(take(f"essential_{name}", "words"), np.cumsum(counts)[:-1]) if len(counts) else []
            for name in ("hashes", "weights")
        ]
        words = list(zip(*pairs, strict=True))
        return EpisodeArrays(
            episode_id,
            int(self.sizes["outcome"][i]),
            take("embeddings", "segments"),
            turn_N,
            take("speaker", "segments"),
            take("query", "turns"),
            by_turn(take("features", "seen")),
            {
                kind: Targets(
                    [
                        part.reshape(agents, -1) if part.size else np.zeros((agents, 0), np.float32)
                        for part in by_turn(take(f"target_{kind}", "targets"), agents)
                    ],
                    take(f"worth_{kind}", "calls").reshape(turns, agents),
                )
                for kind in TARGETS
            },
            [words[t * agents : (t + 1) * agents] for t in range(turns)],
            take("standing", "segments"),
            take("form", "turns") if "form" in self.file.entries else np.zeros((turns, 0), np.float32),
        )

    def lengths(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """(turns, segments) of some episodes, which are not read for that."""
        places = [self.row_of[i] for i in ids]
        return [(int(self.sizes["turns"][at]), int(self.sizes["segments"][at])) for at in places]

    def outcomes(self, ids: Sequence[str]) -> list[int]:
        """Indices of the outcomes of some episodes, -1 where there is none."""
        return [int(self.sizes["outcome"][self.row_of[i]]) for i in ids]


@functools.lru_cache(maxsize=1)
def open_arrays(path: Path) -> ArrayFile:
    """The file, opened once per process."""
    return ArrayFile(path)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((a, min(a + AT_ONCE, count)) for a in range(0, count, AT_ONCE))
