"""How much of what the history is worth a digest holds: stored gains of its segments, in nats.

A gain says how much likelier the true reply becomes to a model that is shown the segment (dataset.segment_gains). No
agent has to answer, so that hundreds of settings can be compared in a minute. Gains are those of segments shown alone,
so what a digest says twice is counted once, and a stale fact counts against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrrc.dataset.calls import gains_by_call, whole_history
from lrrc.digest.history import History
from lrrc.digest.selection import Selection
from lrrc.digest.words import overlap
from lrrc.episodes.episode import Episode, Message
from lrrc.policies.base import Policy, Session


@dataclass(frozen=True)
class ValuedCall:
    """A session before a call, the call, and the gains [segments so far] of its history in nats."""

    session: Session
    inputs: Sequence[Message]
    agent: str
    gains_N: np.ndarray


def valued_calls(policy: Policy, episodes: Iterable[Episode], stored: Mapping[str, np.ndarray]) -> Iterator[ValuedCall]:
    """Every call whose gains are stored, of the first agent where they are the same for all."""
    for episode in episodes:
        limit = policy.spec.max_segment_tokens
        known = gains_by_call(episode, whole_history(episode, limit), stored)
        callers = range(1 if episode.checks else len(episode.agents))
        session = policy.session(episode.agents)
        for t, turn in enumerate(episode.turns):
            for m in callers:
                if (t, m) in known:
                    yield ValuedCall(session, turn.inputs, episode.agents[m], known[t, m])
            session.observe([*turn.inputs, *turn.replies])


def worth(history: History, segments_held: Sequence[int], gains_N: np.ndarray, same: float) -> float:
    """The gains of some segments together; of those that share more than `same` of their words' weight, the largest."""
    total, said = 0.0, []
    for i in sorted(segments_held, key=lambda i: -gains_N[i]):
        if gains_N[i] > 0:
            if any(overlap(history.words[i], history.words[j]) > same for j in said):
                continue
            said.append(i)
        total += float(gains_N[i])
    return total


def held(history: History, selection: Selection) -> list[int]:
    """The segments of a history that a selection shows, whole or in part."""
    shown: dict[int, list[tuple[int, int]]] = {}
    for span in selection.spans:
        shown.setdefault(span.message, []).append((span.start, span.end))
    return [
        i
        for i, (message, segment) in enumerate(zip(history.message, history.segments, strict=True))
        if any(start < segment.end and segment.start < end for start, end in shown.get(message, ()))
    ]


def area(tokens: Sequence[float], gains: Sequence[float], most: float) -> float:
    """Mean captured gain over budgets from 0 to `most` mean tokens: the area under the curve, over `most`.

    The curve starts with nothing sent, is linear between its points, and level after the last.
    """
    order = np.argsort(tokens, kind="stable")
    x, y = np.concatenate([[0.0], np.asarray(tokens, float)[order]]), np.concatenate([[0.0], np.asarray(gains)[order]])
    at = np.union1d(x[x < most], [0.0, most])
    return float(np.trapezoid(np.interp(at, x, y), at) / most)
