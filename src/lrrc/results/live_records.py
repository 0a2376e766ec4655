"""Answers of the live evaluation -> records of results/summary.json (schema: lrrc.results.summary).

An episode is the unit: the share of its checks answered right, and the tokens of the calls that answered them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.policy_catalogue import ORACLE
from lrrc.results.crossed import crossed, crossed_reduction
from lrrc.results.curves import LIVE, NOTHING, curve_records
from lrrc.results.scores import (
    Configuration,
    Scores,
    Settings,
    Source,
    adjust_for_many_tests,
    crossed_record,
    details_of_test,
    shared,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


MEANS = {
    "live_success": "success",
    "live_tokens_per_episode": "total_tokens",
    "live_prompt_tokens_per_check": "prompt_tokens",
}


def read_live(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Records of what the stage live wrote; none where its table is empty."""
    import pandas as pd

    rows, second = (pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("rows", "second"))
    meta = json.loads((Path(folder) / "meta.json").read_text(encoding="utf-8"))
    if rows.empty:
        return []
    source = Source(meta["data"], meta["judge"])
    found = [{**record, "agent": meta["agent"]} for record in live_records(rows, source, settings)]
    if not second.empty:
        found += [{**record, "agent": meta["second"]} for record in second_records(second, source, settings)]
    return found


def per_episode(rows: pd.DataFrame) -> Scores:
    """Scores of every configuration by seed and episode."""
    named = ["policy", "rank", "budget", "variant", "seed", "episode_id"]
    rows = rows.assign(
        budget=rows["budget"].where(rows["policy"] != ORACLE),  # a reference, not a policy at a budget
        total_tokens=rows["prompt_tokens"] + rows["completion_tokens"],
    )
    grouped = rows.groupby(named, dropna=False)
    table = grouped.agg(
        success=("right", "mean"), total_tokens=("total_tokens", "sum"), prompt_tokens=("prompt_tokens", "mean")
    )
    return Scores.of_rows(table.reset_index().assign(reusable_prefix_tokens=0), "results/live")


def episodes_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Share right and total tokens by policy, stop, seed and episode (`unit`)."""
    rows = rows.assign(total_tokens=rows["prompt_tokens"] + rows["completion_tokens"], unit=rows["episode_id"])
    grouped = rows.groupby(["policy", "stop", "seed", "unit"], dropna=False)
    return grouped.agg(success=("right", "mean"), total_tokens=("total_tokens", "sum")).reset_index()


def live_records(rows: pd.DataFrame, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """Means, comparisons with Full-Context and of LRRC with every other policy, ablations, task families, curves."""
    curves, rows = rows[rows["stop"].notna()], rows[rows["stop"].isna()]
    records = []
    for evaluation, some in _on_one_set(per_episode(rows)).items():
        records += _compared(some, evaluation, source, settings)
    records += _families(rows, source, settings)
    records += curve_records(
        episodes_of(curves),
        episodes_of(rows[rows["policy"] == NOTHING]),
        {"evaluation": "live", **asdict(source)},
        LIVE,
        settings,
    )
    adjust_for_many_tests(records)
    return records


def second_records(rows: pd.DataFrame, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """Means and comparisons by another reader, as "live-second"."""
    records = _compared(per_episode(rows), "live-second", source, settings)
    adjust_for_many_tests(records)
    return records


def _compared(scores: Scores, evaluation: str, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """Of every configuration the means, against Full-Context, and LRRC against it."""
    records = []
    for config in scores.tables:
        base = _base(config, source, "live-ablation" if config.variant else evaluation)
        records += _means(scores, config, base)
        records += _against_full(scores, config, base, settings)
        records += _lead_of_lrrc(scores, config, base, settings)
    return records


def _on_one_set(scores: Scores) -> dict[str, Scores]:
    """Evaluation -> the configurations it compares: no figure of it stands beside one of other episodes.

    "live" are those that met most episodes, on all of them; "live-shared" is every whole configuration on the episodes
    that all met, "live-ablation" the coordinator with a part changed (and whole, to be paired) on these.
    """
    met = {config: frozenset(table["episode_id"]) for config, table in scores.tables.items()}
    every, by_all = frozenset().union(*met.values()), frozenset.intersection(*met.values())
    whole = [config for config in met if met[config] == every and not config.variant]
    return {
        "live": scores.among(every, whole, "all episodes"),
        "live-shared": scores.among(by_all, met, "episodes that all met"),
    }


def _base(config: Configuration, source: Source, evaluation: str, variant: str = "") -> dict[str, Any]:
    return {
        "evaluation": evaluation,
        **asdict(source),
        "policy": config.policy,
        "rank": config.rank,
        "budget": config.budget,
        "variant": variant or config.variant,
    }


def _means(
    scores: Scores, config: Configuration, base: Mapping, metrics: Iterable[str] = tuple(MEANS)
) -> list[dict[str, Any]]:
    records = []
    for metric in metrics:
        records.append(crossed_record(base, metric, crossed(scores.matrix(config, MEANS[metric]))))
    return records


def _difference(base: Mapping, metric: str, sides: tuple[NDArray, NDArray], settings: Settings) -> list[dict[str, Any]]:
    """One side minus the other in points, paired over episodes [S, E]."""
    a_SE, b_SE = sides
    if a_SE.shape[1] < 2:
        return []
    found = crossed(a_SE - b_SE)
    p_tost = found.p_within(settings.margin)
    more = details_of_test(found, sd=100 * found.spread, p_tost=p_tost, margin=100 * settings.margin)
    return [crossed_record(base, metric, found, 100, test=more)]


def _against_full(scores: Scores, config: Configuration, base: Mapping, settings: Settings) -> list[dict[str, Any]]:
    full = next((c for c in scores.tables if c.policy == "full-context"), None)
    if full in (None, config):
        return []
    sides = {column: shared(scores.matrix(config, column), scores.matrix(full, column)) for column in MEANS.values()}
    records = _difference(base, "live_success_difference_vs_full", sides["success"], settings)
    if records and config.policy != ORACLE:
        cost, whole = sides["total_tokens"]
        test = details_of_test(crossed(cost - whole))
        records.append(crossed_record(base, "live_token_reduction_vs_full", crossed_reduction(cost, whole), test=test))
    return records


def _lead_of_lrrc(scores: Scores, config: Configuration, base: Mapping, settings: Settings) -> list[dict[str, Any]]:
    """LRRC at the operating rank and the same budget minus this configuration."""
    budget = settings.budget if config.budget is None else config.budget
    head = Configuration("lrrc", settings.rank, budget, "", False)
    if head == config or head not in scores.tables:
        return []
    sides = shared(scores.matrix(head, "success"), scores.matrix(config, "success"))
    return _difference(base, "lrrc_live_success_minus_policy", sides, settings)


def _families(rows: pd.DataFrame, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """The same by task family, at the operating budget and rank; standing rules are the family `rule`."""
    records = []
    for family, part in rows[rows["variant"] == ""].groupby("category"):
        scores = per_episode(part)
        for config in scores.tables:
            at_home = config.rank in (None, settings.rank) and config.budget in (None, settings.budget)
            if not at_home or scores.matrix(config, "success").shape[1] < 2:
                continue
            base = _base(config, source, "live-by-category", str(family))
            records += _means(scores, config, base, ["live_success"])
            records += [
                record
                for record in _against_full(scores, config, base, settings)
                if record["metric"] == "live_success_difference_vs_full"
            ]
    return records
