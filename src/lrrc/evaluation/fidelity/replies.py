"""Which logged replies are scored."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrrc.runtime.chance import stream

if TYPE_CHECKING:
    import numpy as np

    from lrrc.episodes.episode import Episode, Message


@dataclass(frozen=True)
class LoggedReply:
    """One logged reply that has a history."""

    episode: Episode
    turn: int
    reply: Message

    @property
    def inputs(self) -> tuple[Message, ...]:
        return self.episode.turns[self.turn].inputs

    @property
    def agent(self) -> str:
        return self.reply.name or self.episode.agents[0]


def draw_replies(episodes: Iterable[Episode], most: int, seed: int) -> list[LoggedReply]:
    """A seeded draw of different replies (pairs of an arena share answers), one of every episode before a second."""
    rng = stream("fidelity: replies", seed)
    drawn = heapq.nsmallest(most, _rounds(episodes, rng), key=lambda entry: entry[:2])  # holds no more than it returns
    return sorted((target for _, _, target in drawn), key=lambda t: (t.episode.episode_id, t.turn, t.agent))


def _rounds(episodes: Iterable[Episode], rng: np.random.Generator) -> Iterator[tuple[int, float, LoggedReply]]:
    """Every different reply that can be scored with its round and its place in it."""
    known: set[bytes] = set()
    for episode in episodes:
        able = []
        for t, turn in enumerate(episode.turns):
            for reply in turn.replies if t and turn.inputs else ():
                said = "\0".join([*(message.content for message in turn.inputs), reply.content])
                key = hashlib.sha256(said.encode("utf-8")).digest()
                if reply.content.strip() and key not in known:
                    known.add(key)
                    able.append(LoggedReply(episode, t, reply))
        for place, i in enumerate(rng.permutation(len(able))):
            yield place, rng.random(), able[i]
