"""Tokens and calls of logged episodes under a policy (docs/method.md 2).

Every episode is scored by the fit that never saw it. Replies are the logged ones; what a policy changes is the payload
of every call and, with the call gate, which calls are made at all.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lrrc.episodes.episode import Episode, Message
from lrrc.policies.base import Policy, Session
from lrrc.policies.payload import history_part, pair
from lrrc.pretrained import tokens


@dataclass(frozen=True)
class Cost:
    """Tokens and calls of one episode; `reusable` are prompt tokens in leading messages that the agent's previous
    payload had too."""

    calls: int = 0
    prompt: int = 0
    completion: int = 0
    reusable: int = 0
    digest: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def episode_cost(
    episode: Episode,
    policy: Policy,
    overhead: int = 0,
    stop: int | None = None,
    only: int = 0,
    session: Session | None = None,
) -> Cost:
    """Cost of all calls of an episode. After turn `stop`, agent number `only` alone is called, and heard.

    `session`: a fresh one of the policy, where the caller has a faster one than the policy makes.
    """
    session = session or policy.session(episode.agents)
    known, total = MessageCounts(), Cost()
    system, heard, previous = known.of(episode.system), array("q"), {}
    for t, turn in enumerate(episode.turns):
        replies = turn.replies
        if stop is not None and t > stop:
            replies = tuple(reply for reply in replies if reply.name == episode.agents[only])
        inputs, said = known.of(turn.inputs), known.of(replies)
        for reply, number in zip(replies, said, strict=True):
            chosen = session.select(turn.inputs, reply.name or episode.agents[0], policy.spec.budget)
            middle, digest_tokens = history_part(chosen, heard, known.of)
            sent, counts = np.array(system + middle + inputs), known.tokens
            sizes = counts[sent] + overhead
            same = common_prefix(previous.get(reply.name, sent[:0]), sent)
            total += Cost(1, int(sizes.sum()), int(counts[number]), int(sizes[:same].sum()), digest_tokens)
            previous[reply.name] = sent
        session.observe([*turn.inputs, *replies])
        heard += inputs + said
    return total


def common_prefix(left: np.ndarray, right: np.ndarray) -> int:
    """How many leading entries are equal."""
    shorter = min(len(left), len(right))
    other = np.flatnonzero(left[:shorter] != right[:shorter])
    return int(other[0]) if len(other) else shorter


class MessageCounts:
    """Messages by number, equal ones by the same; each is counted once, however many payloads repeat it."""

    def __init__(self):
        self._numbers: dict[tuple[str, str], int] = {}
        self._tokens = array("q")

    def of(self, messages: Iterable[Message]) -> array[int]:
        found = array("q")
        for said in map(pair, messages):
            if said not in self._numbers:
                self._numbers[said] = len(self._tokens)
                self._tokens.append(tokens.count(said[1]))
            found.append(self._numbers[said])
        return found

    @property
    def tokens(self) -> np.ndarray:
        """Of every message so far, by number."""
        return np.array(self._tokens)
