"""results/kinds -> records: regret of every policy on kinds of conversation that it has not seen.

Regret is nats a token above the best rule for that kind. Which rule that is is chosen on one half of the kind's
conversations and compared on the other, and back: a rule that was best by chance is not what others are measured by.
Conversations that begin alike stay in one half, and are what intervals draw.

Evaluations: "kinds" (`data` is the kind; "mean over kinds" and "worst kind" are over those on which every policy was
met), "kinds-words" (the same in
points of the reply's words that digests lack, of all calls and not those alone that the language model read), and
"kinds-recall" (is the message that a reply answers in the digest?).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import stats as scipy_stats

from lrrc.results.statistics import Interval, t_interval
from lrrc.results.summary import LIVE_AGENT, new_record

if TYPE_CHECKING:
    import pandas as pd

RULES = ("recency", "first-sentences", "lead", "bm25", "embedding", "mmr", "last-exchanges")
MEAN, WORST = "mean over kinds", "worst kind"


class Reading(NamedTuple):
    """What digests lose: nats a token, or points of the reply's words."""

    evaluation: str
    metric: str
    against_line: str


NATS = Reading("kinds", "nats_over_best_rule", "nats_over_line")
WORDS = Reading("kinds-words", "words_below_best_rule", "words_below_line")


def clustered(values: Sequence[float] | np.ndarray, clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """The mean of values and its interval where those of one cluster are not independent."""
    values = np.asarray(values, float)
    mean = float(values.mean())
    _, number = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(number.max()) + 1
    if count < 2:
        return Interval(mean, mean, mean)
    sums = np.bincount(number, weights=values - mean)
    error = np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values)
    half = float(scipy_stats.t.ppf((1 + confidence) / 2, count - 1) * error)
    return Interval(mean, mean - half, mean + half)


def second_half(clusters: Sequence[str]) -> np.ndarray:
    """bool: which calls are in the second half, by the parity of their cluster's hash."""
    return np.array([int(cluster, 16) % 2 == 1 for cluster in clusters])


def regrets(losses: pd.DataFrame, clusters: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, str]]:
    """Calls x policies of losses above those of the rule that is best on the other half, and the two rules.

    Where all calls fall into one half, the rule is the best on all of them, which favours rules.
    """
    rules = [rule for rule in RULES if rule in losses]
    second = second_half(clusters)
    halves = [~second, second] if second.any() and not second.all() else [second | True] * 2
    best = tuple(str(losses.loc[other, rules].mean().idxmin()) for other in reversed(halves))
    against = np.where(second, losses[best[1]], losses[best[0]])
    return losses.sub(against, axis=0), best


def read_kinds(folder: Path) -> list[dict[str, Any]]:
    """Every record of the stage kinds; none where it was not run."""
    import pandas as pd

    found: list[dict[str, Any]] = []
    if (path := folder / "rows.parquet").is_file():
        for budget, rows in pd.read_parquet(path).groupby("budget"):
            read = rows[rows["nats"].notna()]
            found += _records_at(NATS, int(budget), read.assign(loss=read["nats"])) if len(read) else []
            found += _records_at(WORDS, int(budget), rows.assign(loss=100 * (1 - rows["words"])))
    if (path := folder / "recall.parquet").is_file():
        found += _recall_records(pd.read_parquet(path))
    return [{**record, "agent": LIVE_AGENT} for record in found]


def _base(evaluation: str, kind: str, policy: str, budget: int) -> dict[str, Any]:
    base = {"evaluation": evaluation, "data": kind, "judge": None, "policy": policy, "rank": None}
    return {**base, "budget": budget, "variant": ""}


def _records_at(reading: Reading, budget: int, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Records of one reading and budget: every kind, and over kinds."""
    found, means = [], {}
    gaps: dict[str, list[float]] = {}
    for kind, part in rows.groupby("kind"):
        losses = part.pivot(index="call", columns="policy", values="loss")
        clusters = part.drop_duplicates("call").set_index("call")["cluster"].loc[losses.index].tolist()
        regret, best = regrets(losses, clusters)
        sizes = {"n": len(losses), "seeds": 1}
        for policy in losses:
            base = _base(reading.evaluation, str(kind), str(policy), budget)
            over = clustered(regret[policy], clusters)
            means.setdefault(str(policy), {})[kind] = over.value
            found.append(new_record(base, reading.metric, *over, **sizes, rule=" or ".join(dict.fromkeys(best))))
            sent = part[part["policy"] == policy]["tokens"].to_numpy()
            found.append(new_record(base, "fidelity_tokens_per_call", *t_interval(sent), **sizes))
        for policy in ("lrrc", "lrrc-line") if "additive" in losses else ():
            if policy in losses:
                gap = clustered(losses[policy] - losses["additive"], clusters)
                gaps.setdefault(policy, []).append(gap.value)
                base = _base(reading.evaluation, str(kind), policy, budget)
                found.append(new_record(base, reading.against_line, *gap, **sizes))
    everywhere = set.intersection(*(set(by_kind) for by_kind in means.values()))  # where all policies were met
    for policy, by_kind in means.items() if everywhere else ():
        values = [by_kind[kind] for kind in by_kind if kind in everywhere]
        sizes = {"n": len(values), "seeds": 1}
        mean, worst = (_base(reading.evaluation, over, policy, budget) for over in (MEAN, WORST))
        found.append(new_record(mean, reading.metric, *t_interval(values), **sizes))
        found.append(new_record(worst, reading.metric, max(values), **sizes))
    for policy, gap_K in gaps.items():
        base = _base(reading.evaluation, MEAN, policy, budget)
        found.append(new_record(base, reading.against_line, *t_interval(gap_K), n=len(gap_K), seeds=1))
    return found


def _recall_records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Share of replies whose linked message is in the digest, by policy; conversations are what intervals draw."""
    found = []
    for (kind, policy, budget), part in rows.groupby(["kind", "policy", "budget"]):
        base = _base("kinds-recall", str(kind), str(policy), int(budget))
        sizes = {"n": len(part), "seeds": 1}
        found.append(new_record(base, "linked_recall", *clustered(part["held"], part["cluster"]), **sizes))
        found.append(new_record(base, "fidelity_tokens_per_call", *t_interval(part["tokens"]), **sizes))
    return found
