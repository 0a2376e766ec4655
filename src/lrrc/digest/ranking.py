"""The best of many scores, without sorting them all, and what the best promise together.

Shape suffix: N segments so far.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BEST = 8  # segments: about as many as a digest of 128 tokens holds
HEAD = 256  # segments that are sorted at first; a digest seldom looks at more


def best_first(scores_N: np.ndarray) -> Iterator[int]:
    """Places by falling score, equal ones by rising place: as a stable sort has them."""
    if len(scores_N) > 2 * HEAD:
        least = np.partition(scores_N, -HEAD)[-HEAD]
        head = np.flatnonzero(scores_N >= least)
        yield from head[np.argsort(-scores_N[head], kind="stable")].tolist()
        rest = np.flatnonzero(scores_N < least)
        yield from rest[np.argsort(-scores_N[rest], kind="stable")].tolist()
    else:
        yield from np.argsort(-scores_N, kind="stable").tolist()


def promise(scores_N: np.ndarray) -> float:
    """Logarithm of what the BEST segments are worth together, of scores that are logarithms.

    Not of all: a share of what they hold together would be a smaller one with every segment that is added, whatever
    that says, and nothing would be worth sending of a long history.
    """
    best = scores_N if len(scores_N) <= BEST else np.partition(scores_N, -BEST)[-BEST:]
    return float(np.logaddexp.reduce(best)) if len(best) else -np.inf
