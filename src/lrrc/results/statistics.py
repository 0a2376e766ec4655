"""Statistics over episodes: pure functions on arrays (paper section 3.5; docs/method.md 6).

An episode is the unit. What was trained several times is in crossed.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats


class Interval(NamedTuple):
    """A point estimate and its two-sided interval, in the unit of the data."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Two-sided paired t-test of a - b over n episodes; `effect` is d_z, None where nothing varies."""

    difference: Interval
    sd: float
    p: float
    effect: float | None
    n: int


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray, NDArray]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1 or a.size < 2:
        raise ValueError(f"a paired test needs two equally long lists of >= 2 episodes, got {a.shape}, {b.shape}")
    return a, b


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean and Student-t interval of independent values [E]."""
    values = np.asarray(values, float)
    mean = float(values.mean())
    if values.size < 2 or np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    half = scipy_stats.t.ppf((1 + confidence) / 2, values.size - 1) * scipy_stats.sem(values)
    return Interval(mean, mean - float(half), mean + float(half))


def paired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Paired:
    """Two-sided paired t-test of a - b, both [E]: difference, interval, p-value and effect size d_z."""
    a, b = _pairs(a, b)
    difference = a - b
    sd = float(difference.std(ddof=1))
    if np.ptp(difference) == 0:  # t is 0/0 or infinite: say which
        return Paired(t_interval(difference, confidence), 0.0, 1.0 if difference[0] == 0 else 0.0, None, a.size)
    p = float(scipy_stats.ttest_rel(a, b).pvalue)
    return Paired(t_interval(difference, confidence), sd, p, float(difference.mean()) / sd, a.size)


def mcnemar(a: ArrayLike, b: ArrayLike) -> float:
    """Exact two-sided McNemar p-value for two lists of successes (0/1) on the same episodes."""
    a, b = _pairs(a, b)
    if not np.isin(np.concatenate([a, b]), (0, 1)).all():
        raise ValueError("McNemar's test takes successes that are 0 or 1")
    gained, lost = int(np.sum(a > b)), int(np.sum(a < b))
    return float(scipy_stats.binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values, in the order given."""
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    raised = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1)
    adjusted = np.empty(p.size)
    adjusted[order] = raised
    return adjusted.tolist()


def smallest_p(difference: float, n: int, step: float = 1.0) -> float:
    """Smallest p-value a paired t-test can give for a mean `difference` of scores in multiples of `step`.

    Of n differences with a given mean, the spread is least where every one is 0 or `step`.
    """
    m = abs(difference)
    if not 0 < m < step or n < 2:
        raise ValueError(f"needs 0 < |difference| < {step} and n >= 2, got {difference} and {n}")
    return float(2 * scipy_stats.t.sf(math.sqrt(m * (n - 1) / (step - m)), n - 1))


def counts_behind(percent: float, n: int, decimals: int = 1) -> int:
    """How many counts k of n round to `percent` (GRIM check): 0 means that no n episodes give that share."""
    return sum(round(100 * k / n, decimals) == round(percent, decimals) for k in range(n + 1))
