"""Policies as curves over their own stopping parameters, and how they differ where both spend the same mean tokens.

A digest's size is half of what a policy chooses: at one budget, one rule fills it and another sends a third. So each is
measured at several values of its own stopping parameter, and read off at LRRC's mean tokens, linear between its points:
what it would reach by sending one digest in some calls and the other in the rest. Nothing sent at all is a point of
every curve; beyond its longest digests a curve is level.
Shape suffixes: P points of a curve, E episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.policy_catalogue import CATALOGUE
from lrrc.results import statistics
from lrrc.results.scores import Settings, details_of_test
from lrrc.results.summary import new_record
from lrrc.runtime.chance import stream

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "no-history"


@dataclass(frozen=True)
class Curve:
    """Means over seeds of a policy's tokens and values [P, E] at its stops, by ascending mean tokens."""

    stops: Sequence[float]
    tokens_PE: np.ndarray
    values_PE: np.ndarray
    seeds: int


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
    tables = {c: rows.pivot_table(c, ["stop"], "unit", dropna=False) for c in (measure.tokens, measure.value)}
    tokens, values = tables[measure.tokens].to_numpy(), tables[measure.value].to_numpy()
    order = np.argsort(tokens.mean(axis=1), kind="stable")
    stops = [float(stop) for stop in tables[measure.tokens].index[order]]
    return Curve(stops, tokens[order], values[order], rows["seed"].nunique())


def curves_of(rows: pd.DataFrame, measure: Measure) -> dict[str, Curve]:
    """Every policy's curve; `rows` are those with a stop, on the same episodes. Raises ValueError for others."""
    found = {str(policy): curve_of(part, measure) for policy, part in rows.groupby("policy")}
    sizes = {curve.values_PE.shape[1] for curve in found.values()}
    if len(sizes) > 1 or any(np.isnan(curve.values_PE).any() for curve in found.values()):
        raise ValueError("results: the points of the curves were measured on different episodes")
    return found


def parts_between(x: Any, tokens_P: np.ndarray) -> list[Any]:
    """How far `x` has come from each point to the next, 0 to 1, for points of ascending mean tokens."""
    steps = zip(tokens_P[:-1], tokens_P[1:], strict=True)
    return [np.clip((x - a) / np.maximum(b - a, 1e-9), 0, 1) for a, b in steps]


def at_tokens(x: Any, tokens_P: Sequence, values_P: Sequence) -> Any:
    """The value of a curve where it spends `x` tokens; arrays behind the first axis are worked side by side."""
    tokens_P, values_P = np.asarray(tokens_P, float), np.asarray(values_P, float)
    order = np.argsort(tokens_P, axis=0, kind="stable")
    tokens_P, values_P = (np.take_along_axis(table, order, axis=0) for table in (tokens_P, values_P))
    risen = zip(parts_between(x, tokens_P), np.diff(values_P, axis=0), strict=True)
    return values_P[0] + sum(part * step for part, step in risen)


def difference_at_equal_tokens(*samples: np.ndarray, axis: int = -1) -> Any:
    """Our mean value minus theirs at our mean tokens; `samples`: our tokens and values, then theirs, point by point.

    A statistic of episodes that are resampled jointly: mean tokens, and with them the place on the curve, vary too.
    """
    means = [np.mean(sample, axis=axis) for sample in samples]
    return means[1] - at_tokens(means[0], means[2::2], means[3::2])


def compare(ours: Curve, at: int, theirs: Curve, nothing: Curve | None, settings: Settings) -> dict[str, Any]:
    """LRRC at a point of its curve against another policy's curve: value, low, high, the test, tokens of both."""
    x_E, y_E = ours.tokens_PE[at], ours.values_PE[at]
    tokens_PE, values_PE = theirs.tokens_PE, theirs.values_PE
    if nothing is not None:
        tokens_PE = np.concatenate([nothing.tokens_PE[:1], tokens_PE])
        values_PE = np.concatenate([nothing.values_PE[:1], values_PE])
    points = [row for pair in zip(tokens_PE, values_PE, strict=True) for row in pair]
    interval = statistics.bca_interval(
        difference_at_equal_tokens,
        x_E,
        y_E,
        *points,
        rng=stream("bootstrap: curves", settings.seed),
        resamples=settings.bootstrap,
    )
    spent_P = tokens_PE.mean(axis=1)
    order = np.argsort(spent_P, kind="stable")
    steps = zip(parts_between(x_E.mean(), spent_P[order]), np.diff(values_PE[order], axis=0), strict=True)
    there_E = values_PE[order][0] + sum(part * step for part, step in steps)
    return {
        "interval": interval,
        "theirs": statistics.t_interval(there_E),
        "test": details_of_test(statistics.paired(y_E, there_E)),
        "tokens": float(x_E.mean()),
        "spent": float(np.clip(x_E.mean(), spent_P.min(), spent_P.max())),
    }


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
        sizes = {"n": curve.values_PE.shape[1], "seeds": curve.seeds}
        for stop, tokens_E, values_E in zip(curve.stops, curve.tokens_PE, curve.values_PE, strict=True):
            here = named(policy, "curve", point_name(policy, stop))
            records.append(new_record(here, measure.cost, *statistics.t_interval(tokens_E), **sizes))
            records.append(new_record(here, measure.level, *statistics.t_interval(values_E), **sizes))
    if "lrrc" not in curves:
        return records
    ours = curves["lrrc"]
    at = int(np.argmin(np.abs(np.array(ours.stops) - settings.stop)))
    empty = None if nothing.empty else curve_of(nothing.assign(stop=0.0), measure)
    for policy, curve in curves.items():
        if policy == "lrrc" or curve.values_PE.shape[1] < 2:
            continue
        found = compare(ours, at, curve, empty, settings)
        here, sizes = named(policy, "equal-tokens"), {"n": curve.values_PE.shape[1], "seeds": curve.seeds}
        spent = {"tokens": found["tokens"], "spent": found["spent"]}
        gap = [measure.scale * end for end in found["interval"]]
        records.append(new_record(here, measure.lead, *gap, test=found["test"], **sizes, **spent))
        records.append(new_record(here, measure.equal, *found["theirs"], **sizes, **spent))
    return records


def best_rival(records: Iterable[Mapping[str, Any]], trained: bool, lower_is_better: bool = False) -> Mapping | None:
    """Of comparisons at equal tokens, that with the rule (or the learned policy) that leaves LRRC the smallest lead."""
    able = [r for r in records if CATALOGUE[r["policy"]].trained == trained]
    sign = -1 if lower_is_better else 1
    return min(able, key=lambda r: sign * r["value"], default=None)
