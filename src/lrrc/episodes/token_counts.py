"""Token counts of every message, and the paper's Table 1 and Figure 5 from them (docs/method.md 2).

Two accountings, because the paper's Table 1 and Figure 5 differ by a factor of two:

- per_side: one agent's conversation is the unit; a turn is what the agent is given plus its reply (Table 1)
- joint: the conversations of all agents together; turns and tokens are the sums over the sides (Figure 5)

A user message is stored and counted once but belongs to the side of every agent, as each of them is sent it.
System messages and messages after the last reply count in an episode's tokens, not in any turn's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.episodes.episode import Episode, Message
from lrrc.episodes.episode_file import open_episodes
from lrrc.pretrained.tokens import count_batch
from lrrc.runtime.executor import chunks, map_in_order

if TYPE_CHECKING:
    import pyarrow as pa


EPISODES_AT_ONCE = 256  # one call of the tokenizer, one row group


def schema() -> pa.Schema:
    """One row per message. `turn` is -1 and `agent` null for system messages, `agent` null for inputs."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    return pa.schema(
        [("episode_id", text), ("turn", whole), ("agent", text), ("role", text), ("message", whole), ("tokens", whole)]
    )


def messages(episode: Episode) -> Iterator[tuple[int, int, Message]]:
    """(turn, index inside the turn, message) of every message, the order of `tokens.parquet`."""
    for index, message in enumerate(episode.system):
        yield -1, index, message
    for number, turn in enumerate(episode.turns):
        for index, message in enumerate((*turn.inputs, *turn.replies)):
            yield number, index, message


def count_tokens(path: Path, per_message_overhead: int = 0, engine: str = "local") -> Iterator[pa.Table]:
    """Tables of `schema()` for the episodes of a parquet file, in bounded memory. `tokens` includes the overhead."""
    work = partial(_rows, path=path, overhead=per_message_overhead)
    for _, table in map_in_order(work, chunks(len(open_episodes(path)), EPISODES_AT_ONCE), engine):
        yield table


def _rows(start: int, stop: int, path: Path, overhead: int) -> pa.Table:
    return token_table(open_episodes(path).rows(start, stop), overhead)


def token_table(episodes: Sequence[Episode], per_message_overhead: int = 0) -> pa.Table:
    """The rows of some episodes."""
    import pyarrow as pa

    rows = [(episode.episode_id, *row) for episode in episodes for row in messages(episode)]
    ids, turns, indices, said = zip(*rows, strict=True)
    agents = [message.name if message.role == "assistant" else None for message in said]
    tokens = [n + per_message_overhead for n in count_batch([message.content for message in said])]
    columns = [ids, turns, agents, [message.role for message in said], indices, tokens]
    return pa.table([list(column) for column in columns], schema=schema())


@dataclass(frozen=True)
class Side:
    """One agent's side of an episode: tokens of each of its turns, and of what belongs to no turn."""

    turns: list[int]
    outside: int

    @property
    def tokens(self) -> int:
        return sum(self.turns) + self.outside


def sides(tokens: pa.Table, agents: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Side]]:
    """The side of every agent of every episode in `agents` (id -> names), from the rows of `annotate`."""
    columns = [tokens.column(name).to_pylist() for name in ("episode_id", "agent", "turn", "tokens")]
    sums: dict[tuple[str, str | None], Counter[int]] = {}
    for episode_id, agent, turn, n in zip(*columns, strict=True):
        sums.setdefault((episode_id, agent), Counter())[turn] += n
    found = {}
    for episode_id, names in agents.items():
        inputs = sums.get((episode_id, None), Counter())
        found[episode_id] = {}
        for agent in names:
            replies = sums.get((episode_id, agent), Counter())
            found[episode_id][agent] = Side(
                [inputs[turn] + replies[turn] for turn in sorted(replies)],
                sum(n for turn, n in inputs.items() if turn not in replies),
            )
    return found


def table1(
    tokens: pa.Table, agents: Mapping[str, Sequence[str]], splits: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Rows of the paper's Table 1 and Figure 5, per accounting and split, then per agent.

    `agents` maps every episode to its agents; `splits` maps "train", "val" and "test" to episode ids.
    A row holds accounting (per_side, joint, or an agent's name), split (with "total"), episodes,
    turns_per_episode, tokens_per_turn_mean, tokens_per_turn_median, tokens_per_turn_p90, tokens_per_episode.
    """
    found = sides(tokens, agents)
    parts = {**splits, "total": [episode_id for ids in splits.values() for episode_id in ids]}
    names = sorted({agent for episode in found.values() for agent in episode})
    rows = []
    for split, ids in parts.items():
        joint = [list(found[episode_id].values()) for episode_id in ids]
        units = {"per_side": [[side] for unit in joint for side in unit], "joint": joint}
        units |= {name: [[found[i][name]] for i in ids if name in found[i]] for name in names}
        for accounting, unit in units.items():
            if unit:
                rows.append({"accounting": accounting, "split": split, "episodes": len(ids), **_averages(unit)})
    order = ["per_side", "joint", *names]
    return sorted(rows, key=lambda row: order.index(row["accounting"]))


def _averages(units: list[list[Side]]) -> dict[str, float]:
    turns = np.array([n for unit in units for side in unit for n in side.turns])
    return {
        "turns_per_episode": len(turns) / len(units),
        "tokens_per_turn_mean": float(np.mean(turns)),
        "tokens_per_turn_median": float(np.median(turns)),
        "tokens_per_turn_p90": float(np.percentile(turns, 90)),
        "tokens_per_episode": sum(side.tokens for unit in units for side in unit) / len(units),
    }
