"""Policies as curves over their own stopping parameters, and how they differ where both spend the same mean tokens.

A digest's size is half of what a policy chooses: at one budget, one rule fills it and another sends a third. So each is
measured at several values of its own stopping parameter, and read off at LRRC's mean tokens, linear between its points:
what it would reach by sending one digest in some calls and the other in the rest. Nothing sent at all is a point of
every curve; beyond its longest digests a curve is level.
Shape suffixes: P points of a curve, S trainings, E episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.policy_catalogue import CATALOGUE
from lrrc.results.crossed import Crossed, crossed, side_by_side
from lrrc.results.scores import Settings, crossed_record, details_of_test

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "no-history"


@dataclass(frozen=True)
class Curve:
    """A policy's tokens and values [P, S, E] at its stops, by ascending mean tokens; S = 1 where nothing is trained."""

    stops: Sequence[float]
    tokens_PSE: np.ndarray
    values_PSE: np.ndarray

    @property
    def episodes(self) -> int:
        return self.values_PSE.shape[2]

    def begun_by(self, other: Curve | None) -> Curve:
        """With the first point of another, untrained curve before its own."""
        if other is None:
            return self
        tables = ((other.tokens_PSE, self.tokens_PSE), (other.values_PSE, self.values_PSE))
        first = [np.broadcast_to(a[:1, :1], (1, *b.shape[1:])) for a, b in tables]
        tokens, values = (np.concatenate([a, b]) for a, (_, b) in zip(first, tables, strict=True))
        order = np.argsort(tokens.mean(axis=(1, 2)), kind="stable")
        return Curve([(other.stops[0], *self.stops)[i] for i in order], tokens[order], values[order])

    def at(self, spent: float) -> Reading:
        """Where it spends `spent` tokens in the mean; level beyond its ends."""
        means_P = self.tokens_PSE.mean(axis=(1, 2))
        after = int(np.clip(np.searchsorted(means_P, spent), 1, len(means_P) - 1)) if len(means_P) > 1 else 0
        before = max(0, after - 1)
        step = means_P[after] - means_P[before]
        part = float(np.clip((spent - means_P[before]) / step, 0, 1)) if step > 0 else 0.0
        tokens, values = (
            (1 - part) * table[before] + part * table[after] for table in (self.tokens_PSE, self.values_PSE)
        )
        rise = self.values_PSE[after].mean() - self.values_PSE[before].mean()
        inside = step > 0 and means_P[before] < spent < means_P[after]
        return Reading(tokens, values, float(rise / step) if inside else 0.0)


@dataclass(frozen=True)
class Reading:
    """A curve at one place: tokens and values [S, E] of the mixture of its two neighbours, and how steep it is."""

    tokens_SE: np.ndarray
    values_SE: np.ndarray
    slope: float


@dataclass(frozen=True)
class Measure:
    """What is compared: two columns of the rows, and the metrics that are recorded of them.

    `level` and `cost` are of a point, `equal` of a policy at LRRC's mean tokens, `lead` of LRRC minus it, in a unit of
    which `scale` make one of the column's.
    """

    value: str
    tokens: str
    level: str
    cost: str
    equal: str
    lead: str
    scale: float = 1.0


LIVE = Measure(
    "success",
    "total_tokens",
    "live_success",
    "live_tokens_per_episode",
    "live_success_at_equal_tokens",
    "lrrc_live_lead_at_equal_tokens",
    100.0,
)
FIDELITY = Measure(
    "nats",
    "tokens",
    "nats_per_token",
    "fidelity_tokens_per_call",
    "nats_at_equal_tokens",
    "lrrc_fidelity_gap_at_equal_tokens",
)


def curve_of(rows: pd.DataFrame, measure: Measure) -> Curve:
    """Of the rows of one policy: a row for every stop, seed and episode."""
    tables = [rows.pivot_table(c, ["stop", "seed"], "unit", dropna=False) for c in (measure.tokens, measure.value)]
    stops, seeds = tables[0].index.levels
    tokens, values = (table.to_numpy().reshape(len(stops), len(seeds), -1) for table in tables)
    order = np.argsort(tokens.mean(axis=(1, 2)), kind="stable")
    return Curve([float(stops[i]) for i in order], tokens[order], values[order])


def curves_of(rows: pd.DataFrame, measure: Measure) -> dict[str, Curve]:
    """Every policy's curve; `rows` are those with a stop, on the same episodes. Raises ValueError for others."""
    found = {str(policy): curve_of(part, measure) for policy, part in rows.groupby("policy")}
    sizes = {curve.episodes for curve in found.values()}
    if len(sizes) > 1 or any(np.isnan(curve.values_PSE).any() for curve in found.values()):
        raise ValueError("results: the points of the curves were measured on different episodes")
    return found


@dataclass(frozen=True)
class Comparison:
    """LRRC minus another policy at LRRC's mean tokens, what the other has there, and the tokens that it spends."""

    lead: Crossed
    theirs: Crossed
    tokens: float
    spent: float


def compare(ours: Curve, at: int, theirs: Curve, nothing: Curve | None) -> Comparison:
    """LRRC at a point of its curve against another policy's curve, which begins with `nothing` sent.

    Other episodes would move LRRC's mean tokens too, and with them the place on the curve: an episode that costs LRRC
    more than it costs the other there counts for the other by how steep its curve is (delta method).
    """
    x_SE, y_SE = ours.tokens_PSE[at], ours.values_PSE[at]
    there = theirs.begun_by(nothing).at(float(x_SE.mean()))
    (y, v), (x, t) = side_by_side(y_SE, there.values_SE), side_by_side(x_SE, there.tokens_SE)
    lead = crossed(y - v - there.slope * (x - t))
    return Comparison(lead, crossed(there.values_SE), float(x_SE.mean()), float(there.tokens_SE.mean()))


def point_name(policy: str, stop: float) -> str:
    """`top=3`."""
    return f"{CATALOGUE[policy].stop}={stop:g}"


def curve_records(
    rows: pd.DataFrame, nothing: pd.DataFrame, base: Mapping[str, Any], measure: Measure, settings: Settings
) -> list[dict[str, Any]]:
    """Records `<evaluation>-curve` of every point, and `<evaluation>-equal-tokens` of every policy but LRRC.

    `rows` have policy, stop, seed, unit (an episode or reply), and the columns of `measure`; `nothing` are those of
    no-history. `base` names evaluation, data and judge. Empty where no curve was measured.
    """
    if rows.empty:
        return []
    curves, records = curves_of(rows, measure), []

    def named(policy: str, kind: str, variant: str = "") -> dict[str, Any]:
        rank = settings.rank if policy == "lrrc" else None
        where = {"policy": policy, "rank": rank, "budget": settings.budget, "variant": variant}
        return {**base, "evaluation": f"{base['evaluation']}-{kind}", **where}

    for policy, curve in curves.items():
        for stop, tokens_SE, values_SE in zip(curve.stops, curve.tokens_PSE, curve.values_PSE, strict=True):
            here = named(policy, "curve", point_name(policy, stop))
            records.append(crossed_record(here, measure.cost, crossed(tokens_SE)))
            records.append(crossed_record(here, measure.level, crossed(values_SE)))
    if "lrrc" not in curves:
        return records
    ours = curves["lrrc"]
    at = int(np.argmin(np.abs(np.array(ours.stops) - settings.stop)))
    empty = None if nothing.empty else curve_of(nothing.assign(stop=0.0), measure)
    for policy, curve in curves.items():
        if policy == "lrrc" or curve.episodes < 2:
            continue
        found = compare(ours, at, curve, empty)
        here, spent = named(policy, "equal-tokens"), {"tokens": found.tokens, "spent": found.spent}
        test = details_of_test(found.lead)
        records.append(crossed_record(here, measure.lead, found.lead, measure.scale, test=test, **spent))
        records.append(crossed_record(here, measure.equal, found.theirs, **spent))
    return records


def best_rival(records: Iterable[Mapping[str, Any]], trained: bool, lower_is_better: bool = False) -> Mapping | None:
    """Of comparisons at equal tokens, that with the rule (or the learned policy) that leaves LRRC the smallest lead."""
    able = [r for r in records if CATALOGUE[r["policy"]].trained == trained]
    sign = -1 if lower_is_better else 1
    return min(able, key=lambda r: sign * r["value"], default=None)
