"""The calls of an episode that teach something: those with a history and a true reply; their stored gains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lrrc.digest.history import History
from lrrc.episodes.episode import Episode, Message
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.rows import read_rows


@dataclass(frozen=True)
class TeachingCall:
    """One reply to explain: of agent number `agent`, or of every agent (-1), after the first `segments` segments."""

    episode_id: str
    turn: int
    agent: int
    inputs: tuple[Message, ...]
    reply: str
    segments: int

    @property
    def key(self) -> str:
        """Names the call by its content, so that gains of other texts are never taken for its own."""
        said = "\0".join([self.episode_id, *(m.content for m in self.inputs), self.reply, str(self.segments)])
        return hashlib.sha256(said.encode("utf-8")).hexdigest()[:16]


class CallKey(NamedTuple):
    """A call without its texts, as the file of gains has it."""

    episode_id: str
    turn: int
    agent: int
    key: str


def whole_history(episode: Episode, max_segment_tokens: int) -> History:
    """All turns of an episode, cut into segments; no embeddings."""
    history = History(episode.agents, sentence_encoder.NO_VECTORS, max_segment_tokens)
    for turn in episode.turns:
        history.append([*turn.inputs, *turn.replies])
    return history


def calls_of(episode: Episode, history: History) -> list[TeachingCall]:
    """The calls of an episode that have a history and a true reply, in order."""
    before_T = np.searchsorted(history.turn, np.arange(len(episode.turns)))
    found = []
    if episode.checks:
        for check in episode.checks:
            reply, turn = check.options[check.answer], check.turn
            found.append(
                TeachingCall(episode.episode_id, turn, -1, episode.turns[turn].inputs, reply, int(before_T[turn]))
            )
    else:
        for t, turn in enumerate(episode.turns):
            found += [
                TeachingCall(
                    episode.episode_id, t, episode.agents.index(r.name), turn.inputs, r.content, int(before_T[t])
                )
                for r in turn.replies
                if r.content
            ]
    return [call for call in found if call.segments]


def load_gains(path: Path) -> dict[str, np.ndarray]:
    """Gains by the key of their call. Raises ValueError where the file is broken."""
    rows = read_rows(path, ("key", "gains"))
    return {row["key"]: np.array(row["gains"], np.float32) for _, _, row in rows}


def gains_by_call(
    episode: Episode, history: History, stored: Mapping[str, np.ndarray]
) -> dict[tuple[int, int], np.ndarray]:
    """Stored gains of an episode by (turn, agent); a call of every agent stands for each."""
    found = {}
    for call in calls_of(episode, history):
        if (gains_N := stored.get(call.key)) is not None and len(gains_N) == call.segments:
            for agent in range(len(episode.agents)) if call.agent < 0 else [call.agent]:
                found[call.turn, agent] = gains_N
    return found
