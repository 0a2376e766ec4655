"""The call gate: from what confidence on the preferred agent alone is called (paper section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from lrrc.episodes.episode import ARENA_OUTCOMES


@dataclass(frozen=True)
class SuccessRule:
    """What counts as success (docs/method.md 5)."""

    tie: bool
    bothbad: bool

    def success(self, pick: int, outcome: str) -> bool:
        """Was the picked agent (0 or 1) not voted worse?"""
        if outcome == "tie":
            return self.tie
        if outcome == "tie (bothbad)":
            return self.bothbad
        return ARENA_OUTCOMES.index(outcome) == pick


def calibrate_gate(preferred: Sequence[np.ndarray], outcomes: Sequence[str], rule: SuccessRule, margin: float) -> float:
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
