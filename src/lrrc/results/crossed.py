"""Figures from several trainings on the same episodes: intervals that cover another draw of both (docs/method.md 6).

Every training s is measured on every episode e, so y_se = mean + training_s + episode_e + interaction_se (crossed
random effects). With the mean squares of trainings A, episodes B and residual R of the two-way layout without
replication, the mean over S trainings and n episodes has the variance

    by_training + by_episode = max(A - R, 0) / (S n) + B / (S n)

and its interval the half width of W. G. Howe (Approximate confidence limits on the mean of X + Y, JASA 69, 1974,
789-794): each part with the t quantile of its own degrees of freedom, added in squares. Satterthwaite's single t covers
92 % with three trainings and 87 % with two, where trainings differ more than episodes; Howe's between 93 and 97 %
throughout (tested). With one training the first part is unknown, and the interval is Student's over episodes.

Arrays are [S, E]: trainings x episodes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy import stats as scipy_stats

from lrrc.results.statistics import Interval


@dataclass(frozen=True)
class Crossed:
    """A mean over trainings and episodes, and the variance of that mean by where it comes from.

    `retrained`: its standard error over new trainings on these episodes, None for one training. `spread`: standard
    deviation over episodes (or clusters) of the means over trainings.
    """

    value: float
    by_training: float
    by_episode: float
    spread: float
    retrained: float | None
    trainings: int
    episodes: int

    @property
    def se(self) -> float:
        """Standard error over both."""
        return math.sqrt(self.by_training + self.by_episode)

    def half_width(self, confidence: float = 0.95) -> float:
        """Half of the two-sided interval; 0 where nothing varies."""
        return self._reach((1 - confidence) / 2)

    def _reach(self, tail: float) -> float:
        """The half width that leaves so much probability on either side."""
        parts = ((self.by_training, self.trainings - 1), (self.by_episode, self.episodes - 1))
        return math.hypot(*(math.sqrt(variance) * _quantile(tail, degrees) for variance, degrees in parts if variance))

    def interval(self, confidence: float = 0.95) -> Interval:
        half = self.half_width(confidence)
        return Interval(self.value, self.value - half, self.value + half)

    def p(self, other: float = 0.0) -> float:
        """Two-sided p-value of the mean being `other`: 1 - the confidence of the interval that just reaches it."""
        distance = abs(self.value - other)
        if not self.se:
            return float(distance == 0)
        if distance == 0:
            return 1.0
        if not self.by_training:
            return float(2 * scipy_stats.t.sf(distance / self.se, self.episodes - 1))
        # by the logarithm, in which small probabilities stay apart
        least = 600.0
        if self._reach(math.exp(-least) / 2) <= distance:
            return 0.0
        found = optimize.brentq(lambda z: self._reach(math.exp(-z) / 2) - distance, 0, least, xtol=1e-12)
        return math.exp(-found)

    def p_within(self, margin: float) -> float:
        """p-value of two one-sided tests: small means that the mean lies within (-margin, margin)."""
        if margin <= 0:
            raise ValueError(f"an equivalence margin is > 0, got {margin}")
        if not self.se:
            return float(abs(self.value) >= margin)
        nearer = self.p(math.copysign(margin, self.value)) / 2
        return nearer if abs(self.value) < margin else 1 - nearer

    def power_within(self, margin: float, alpha: float = 0.05) -> float:
        """Power of two one-sided tests for lying within (-margin, margin), where the true mean is 0."""
        if not self.se:
            return 1.0
        room = margin / self.se - self._reach(alpha) / self.se
        return float(max(0.0, 2 * scipy_stats.t.cdf(room, self._degrees) - 1))

    def p_above(self, limit: float) -> float:
        """One-sided p-value: small means that the mean lies above `limit`."""
        if not self.se:
            return float(self.value <= limit)
        nearer = self.p(limit) / 2
        return nearer if self.value > limit else 1 - nearer

    def power_above(self, limit: float, alpha: float = 0.05) -> float:
        """Power of the one-sided test for lying above `limit`, where the true mean is 0."""
        if not self.se:
            return float(limit < 0)
        return float(scipy_stats.t.cdf((-limit - self._reach(alpha)) / self.se, self._degrees))

    @property
    def _degrees(self) -> float:
        """Satterthwaite's degrees of freedom."""
        parts = ((self.by_training, self.trainings - 1), (self.by_episode, self.episodes - 1))
        return self.se**4 / sum(variance**2 / d for variance, d in parts if variance)

    def on(self, episodes: int) -> Crossed:
        """What as many trainings would give on another number of episodes that vary as these do."""
        by_episode = self.by_episode * self.episodes / episodes
        return Crossed(self.value, self.by_training, by_episode, self.spread, self.retrained, self.trainings, episodes)

    def power(self, difference: float, alpha: float = 0.05) -> float:
        """Power of the two-sided test for a true `difference`, by the noncentral t of Satterthwaite's degrees."""
        if not self.se:
            return float(difference != 0)
        degrees = self._degrees
        limit, shift = self.half_width(1 - alpha) / self.se, abs(difference) / self.se
        wrong_side = scipy_stats.nct.cdf(-limit, degrees, shift)  # scipy gives NaN where this is vanishingly small
        return float(scipy_stats.nct.sf(limit, degrees, shift) + np.nan_to_num(wrong_side))

    def detectable(self, alpha: float = 0.05, wanted: float = 0.8) -> float:
        """The smallest difference that the test finds with probability `wanted`."""
        if not self.se:
            return 0.0
        most = self.se
        while self.power(most, alpha) < wanted:
            most *= 2
        return float(optimize.brentq(lambda x: self.power(x, alpha) - wanted, 0, most))


@functools.lru_cache(maxsize=1024)
def _quantile(tail: float, degrees: int) -> float:
    return float(scipy_stats.t.isf(tail, degrees))


def crossed(scores_SE: ArrayLike, clusters_E: Sequence[object] | None = None) -> Crossed:
    """The mean of scores [S, E]. Episodes of one cluster (a prompt, a topic) are drawn together.

    Raises ValueError for scores of another shape or with holes.
    """
    scores_SE = np.asarray(scores_SE, float)
    if scores_SE.ndim != 2 or not scores_SE.size or not np.isfinite(scores_SE).all():
        raise ValueError(f"needs finite scores of trainings x episodes, got {scores_SE.shape}")
    return _components(float(scores_SE.mean()), _gathered(scores_SE - scores_SE.mean(), clusters_E), scores_SE.mean(1))


def crossed_reduction(
    policy_SE: ArrayLike, reference_SE: ArrayLike, clusters_E: Sequence[object] | None = None
) -> Crossed:
    """Percent saved on the totals, 100 (1 - sum(policy) / sum(reference)), both [S, E], linearised (delta method)."""
    policy_SE, reference_SE = np.asarray(policy_SE, float), np.asarray(reference_SE, float)
    if policy_SE.shape != reference_SE.shape or policy_SE.ndim != 2 or not policy_SE.size:
        raise ValueError(f"needs costs of equal shape, got {policy_SE.shape}, {reference_SE.shape}")
    share = policy_SE.sum() / reference_SE.sum()
    influence_SE = -100 * (policy_SE - share * reference_SE) / reference_SE.mean()
    by_training_S = 100 * (1 - policy_SE.sum(1) / reference_SE.sum(1))
    return _components(100 * (1 - share), _gathered(influence_SE, clusters_E), by_training_S)


def side_by_side(a_SE: ArrayLike, b_SE: ArrayLike) -> tuple[NDArray, NDArray]:
    """Two sides of a comparison with as many trainings each: what was trained once, or not, stands against every one.

    Of sides with several trainings both keep as many as the shorter one has.
    """
    a_SE, b_SE = np.asarray(a_SE, float), np.asarray(b_SE, float)
    trainings = max(len(a_SE), len(b_SE)) if min(len(a_SE), len(b_SE)) == 1 else min(len(a_SE), len(b_SE))
    return tuple(np.repeat(x, trainings, axis=0) if len(x) == 1 else x[:trainings] for x in (a_SE, b_SE))


def _gathered(influence_SE: NDArray, clusters_E: Sequence[object] | None) -> NDArray:
    """Influence of every unit that is drawn [S, C], so that its mean over C is the mean over episodes."""
    if clusters_E is None:
        return influence_SE
    names, number_E = np.unique(np.asarray([str(c) for c in clusters_E]), return_inverse=True)
    sums_SC = np.zeros((len(influence_SE), len(names)))
    np.add.at(sums_SC.T, number_E, influence_SE.T)
    return sums_SC * len(names) / influence_SE.shape[1]


def _components(value: float, influence_SE: NDArray, figure_S: NDArray) -> Crossed:
    S, n = influence_SE.shape
    by_episode_E = influence_SE.mean(0)
    spread = float(by_episode_E.std(ddof=1)) if n > 1 else 0.0
    retrained = float(figure_S.std(ddof=1)) / math.sqrt(S) if S > 1 else None
    by_training = 0.0
    if S > 1 and n > 1:
        training_S = influence_SE.mean(1)
        residual_SE = influence_SE - by_episode_E - training_S[:, None] + influence_SE.mean()
        left = float((residual_SE**2).sum()) / ((S - 1) * (n - 1))
        by_training = max(float(training_S.var(ddof=1)) / S - left / (S * n), 0.0)
    tiny = 1e-24 * max(float(np.abs(influence_SE).max()), abs(value)) ** 2  # rounding, not variation
    by_episode = spread**2 / n
    return Crossed(
        value,
        by_training if by_training > tiny else 0.0,
        by_episode if by_episode > tiny else 0.0,
        spread,
        retrained,
        S,
        n,
    )
