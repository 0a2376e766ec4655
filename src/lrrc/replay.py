"""Replay logged episodes under a policy: tokens, calls and preference success (method sections 2 and 5).

Every episode is scored by the fit that never saw it. Replies are the logged ones; what a policy changes is the payload
of every call and, with the call gate, which calls are made at all.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import numpy as np

from lrrc import tokens
from lrrc.digest import Digest
from lrrc.episodes import ARENA_OUTCOMES, Episode, Message
from lrrc.policies.base import DIGEST_NAME, Kept, Policy, Session

S = TypeVar("S", bound=Sequence)


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


@dataclass(frozen=True)
class SuccessRule:
    """What counts as success (method section 5)."""

    tie: bool
    bothbad: bool

    def success(self, pick: int, outcome: str) -> bool:
        """Was the picked agent (0 or 1) not voted worse?"""
        if outcome == "tie":
            return self.tie
        if outcome == "tie (bothbad)":
            return self.bothbad
        return ARENA_OUTCOMES.index(outcome) == pick


def episode_cost(
    episode: Episode, policy: Policy, overhead: int = 0, stop: int | None = None, only: int = 0,
    session: Session | None = None,
) -> Cost:  # fmt: skip
    """Cost of all calls of an episode. After turn `stop`, agent number `only` alone is called, and heard.

    `session`: a fresh one of the policy, where the caller has a faster one than the policy makes.
    """
    session = session or policy.session(episode.agents)
    known, total = Numbers(), Cost()
    system, heard, previous = known.of(episode.system), array("q"), {}
    for t, turn in enumerate(episode.turns):
        replies = turn.replies
        if stop is not None and t > stop:
            replies = tuple(reply for reply in replies if reply.name == episode.agents[only])
        inputs, said = known.of(turn.inputs), known.of(replies)
        for reply, number in zip(replies, said, strict=True):
            chosen = session.choose(turn.inputs, reply.name or episode.agents[0])
            middle, digest_tokens = between(chosen, heard, known.of)
            sent, counts = np.array(system + middle + inputs), known.tokens
            sizes = counts[sent] + overhead
            same = common_prefix(previous.get(reply.name, sent[:0]), sent)
            total += Cost(1, int(sizes.sum()), int(counts[number]), int(sizes[:same].sum()), digest_tokens)
            previous[reply.name] = sent
        session.observe([*turn.inputs, *replies])
        heard += inputs + said
    return total


def payload(
    session: Session, episode: Episode, inputs: Sequence[Message], agent: str
) -> tuple[list[tuple[str, str]], int]:
    """The payload of a call as (speaker, content) pairs, and the tokens of its digest (0 where it has none)."""
    middle, digest_tokens = between(session.choose(inputs, agent), session.history.messages, list)
    return [pair(message) for message in (*episode.system, *middle, *inputs)], digest_tokens


def between(chosen: Digest | Kept, heard: S, form: Callable[[list[Message]], S]) -> tuple[S, int]:
    """What a payload has between system and inputs, and the tokens of its digest (0 where it has none).

    `heard` are the history's messages in any form, `form` is what gives a digest's message that form.
    """
    if isinstance(chosen, Digest):
        return form([Message("user", chosen.text, DIGEST_NAME)] if chosen.text else []), chosen.tokens
    return heard[chosen.messages.start : chosen.messages.stop], 0


def pair(message: Message) -> tuple[str, str]:
    """Speaker and content."""
    return (message.name or message.role, message.content)


def common_prefix(left: np.ndarray, right: np.ndarray) -> int:
    """How many leading entries are equal."""
    shorter = min(len(left), len(right))
    other = np.flatnonzero(left[:shorter] != right[:shorter])
    return int(other[0]) if len(other) else shorter


class Numbers:
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


def calibrate(preferred: Sequence[np.ndarray], outcomes: Sequence[str], rule: SuccessRule, margin: float) -> float:
    """The smallest confidence tau at which the call gate loses at most `margin` of success on these episodes.

    `preferred` holds, per episode, P(first better) - P(second better) after every turn. Infinity: never gate.
    """
    if not outcomes:
        return np.inf
    won = [rule.success(pick_at(p, None), o) for p, o in zip(preferred, outcomes, strict=True)]
    gated, free, best = [len(p) for p in preferred], sum(won) / len(won), np.inf
    count = sum(won)
    sure = [(float(c), i, t) for i, p in enumerate(preferred) for t, c in enumerate(np.abs(p[:-1]))]
    # as tau falls past a turn's confidence, that episode alone may be gated earlier
    for tau, passed in groupby(sorted(sure, reverse=True), key=lambda entry: entry[0]):
        for _, i, t in passed:
            if t < gated[i]:
                now = rule.success(pick_at(preferred[i], t), outcomes[i])
                gated[i], won[i], count = t, now, count + now - won[i]
        if count / len(won) < free - margin:
            break  # a lower tau is trusted only if every higher one is fine too
        best = tau
    return best


def gate_turn(preferred_T: np.ndarray, tau: float) -> int | None:
    """The first turn before the last after which the confidence reaches tau."""
    sure = np.flatnonzero(np.abs(preferred_T[:-1]) >= tau)
    return int(sure[0]) if len(sure) else None


def pick_at(preferred_T: np.ndarray, turn: int | None) -> int:
    """The agent (0 or 1) preferred after `turn` (None: after the last)."""
    return int(preferred_T[-1 if turn is None else turn] < 0)


def rows_of(
    episode: Episode, policy: Policy, preferred_T: np.ndarray, tau: float, rule: SuccessRule, overhead: int,
    labels: Mapping[str, Any], session: Session | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row without the call gate and, for two agents, one with it."""
    cost = episode_cost(episode, policy, overhead, session=session)
    if len(episode.agents) != 2:
        return [row(episode, cost, None, rule, False, labels)]
    turn = gate_turn(preferred_T, tau)
    pick = pick_at(preferred_T, turn)
    gated = cost if turn is None else episode_cost(episode, policy, overhead, turn, pick)
    return [
        row(episode, cost, pick_at(preferred_T, None), rule, False, labels),
        row(episode, gated, pick, rule, True, labels),
    ]


def row(
    episode: Episode, cost: Cost, pick: int | None, rule: SuccessRule, gated: bool, labels: Mapping[str, Any]
) -> dict[str, Any]:
    """One line of results/replay."""
    judged = episode.outcome is not None and pick is not None
    return {
        **labels, "episode_id": episode.episode_id, "language": episode.language, "category": episode.category,
        "gated": gated, "calls": cost.calls, "prompt_tokens": cost.prompt, "completion_tokens": cost.completion,
        "total_tokens": cost.prompt + cost.completion, "reusable_prefix_tokens": cost.reusable,
        "digest_tokens": cost.digest, "pick": None if pick is None else episode.agents[pick],
        "success": int(rule.success(pick, episode.outcome)) if judged else None,
    }  # fmt: skip


def longer_answer(episode: Episode) -> int:
    """The agent (0 or 1) that wrote more tokens, the heuristic every figure is printed beside; the first if equal."""
    written = [0, 0]
    for turn in episode.turns:
        for reply in turn.replies:
            written[episode.agents.index(reply.name)] += tokens.count(reply.content)
    return int(written[1] > written[0])
