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
    """One reply to explain: of agent number `agent`, or of every agent (-1), after the first `segments` segments, whose
    texts and bounds `history` is the hash of."""

    episode_id: str
    turn: int
    agent: int
    inputs: tuple[Message, ...]
    reply: str
    segments: int
    history: str

    @property
    def key(self) -> str:
        """Names the call by its content and its segments, so that gains of others are never taken for its own."""
        said = "\0".join([self.episode_id, *(m.content for m in self.inputs), self.reply, self.history])
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
    before_T = [int(before) for before in np.searchsorted(history.turn, np.arange(len(episode.turns)))]
    hash_T = [_hash(history, before) for before in before_T]

    def call(turn: int, agent: int, reply: str) -> TeachingCall:
        inputs = episode.turns[turn].inputs
        return TeachingCall(episode.episode_id, turn, agent, inputs, reply, before_T[turn], hash_T[turn])

    if episode.checks:
        found = [call(check.turn, -1, check.options[check.answer]) for check in episode.checks]
    else:
        found = [
            call(t, episode.agents.index(r.name), r.content)
            for t, turn in enumerate(episode.turns)
            for r in turn.replies
            if r.content
        ]
    return [call for call in found if call.segments]


def _hash(history: History, count: int) -> str:
    """Of the first `count` segments: where each begins and ends, and what it says."""
    seen = hashlib.sha256()
    for message, piece in zip(history.message[:count], history.segments, strict=False):
        seen.update(f"{message}\0{piece.start}\0{piece.end}\0{piece.text}\0".encode())
    return seen.hexdigest()


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
