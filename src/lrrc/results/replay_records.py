"""Rows per episode -> records of results/summary.json (schema: lrrc.results.summary)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.policy_catalogue import FLOORS
from lrrc.results import statistics
from lrrc.results.crossed import crossed, crossed_reduction
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
from lrrc.results.summary import METRICS, new_record

if TYPE_CHECKING:
    import pandas as pd


COSTS = {
    "tokens_per_episode": "total_tokens",
    "prompt_tokens_per_episode": "prompt_tokens",
    "completion_tokens_per_episode": "completion_tokens",
    "reusable_prefix_tokens_per_episode": "reusable_prefix_tokens",
    "fresh_prompt_tokens_per_episode": "fresh_tokens",
    "digest_tokens_per_episode": "digest_tokens",
    "calls_per_episode": "calls",
    "preference_success": "success",
}
PAPER_EFFECT = 0.021  # abstract: +2.1 % absolute
PAPER_TEST_EPISODES = 30  # Table 1


def evaluation_records(rows: pd.DataFrame, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """Records of results/replay rows: means, comparisons with Full-Context and LRRC, power, subgroups."""
    scores = Scores.of_rows(rows)
    full = scores.reference()
    bases = {config: scores.base(config, source) for config in scores.tables}
    at = {"evaluation": "replay", "policy": "lrrc", "rank": settings.rank, "budget": settings.budget}
    head = next((config for config, base in bases.items() if at.items() <= base.items()), None)
    records = []
    for config, base in bases.items():
        records += mean_records(scores, config, full, base)
        if config != full:
            records += comparison_records(scores, config, full, base, settings)
        if head not in (None, config):
            records += advantage_records(scores, head, config, base, settings)
    if head:
        records += power_records(scores, head, full, bases[head], settings)
        records += subgroup_records(scores, head, full, bases[head], settings)
    adjust_for_many_tests(records)
    return records


def mean_records(scores: Scores, config: Configuration, full: Configuration, base: Mapping) -> list[dict[str, Any]]:
    """Mean per episode of every column, with an interval over trainings and episodes."""
    records = []
    for metric, column in COSTS.items():
        if config.policy in FLOORS and column != "success":
            continue
        matrix = scores.matrix(config, column)
        if matrix is None:
            continue
        more, prompts = {}, scores.clusters(matrix.columns)
        if config != full and (reference := _aligned(scores, full, column, matrix)) is not None:
            mine, theirs = shared(matrix, reference)
            more["test"] = details_of_test(crossed(mine - theirs, prompts))
        records.append(crossed_record(base, metric, crossed(matrix, prompts), **more))
    return records


def _aligned(scores: Scores, config: Configuration, column: str, matrix: pd.DataFrame) -> pd.DataFrame | None:
    """Scores of `config` on the episodes of `matrix`. Other episodes are a ValueError."""
    other = scores.matrix(config, column)
    if other is not None and list(other.columns) != list(matrix.columns):
        raise ValueError(
            f"{scores.where}: {column}: {config.policy} covers {other.shape[1]} episodes, a policy compared "
            f"with it {matrix.shape[1]} or others; score every policy on the same episodes"
        )
    return other


def comparison_records(scores, config, full, base, settings) -> list[dict[str, Any]]:
    """What `config` saves and gains against `full`, paired over episodes."""
    names = {"total_tokens": "token_reduction_vs_full", "calls": "call_reduction_vs_full"}
    return _compare(scores, config, full, base, settings, names, "success_difference_vs_full")


def advantage_records(scores, head, config, base, settings) -> list[dict[str, Any]]:
    """What LRRC at its operating point saves and gains against another policy."""
    names = {"total_tokens": "lrrc_token_reduction_vs_policy"}
    return _compare(scores, head, config, base, settings, names, "lrrc_success_minus_policy")


def _compare(scores, config, other, base, settings, savings, success) -> list[dict[str, Any]]:
    records = []
    floor = {config.policy, other.policy} & set(FLOORS)  # a floor picks an answer and sends nothing
    for column, metric in ({} if floor else savings).items():
        matrix = scores.matrix(config, column)
        reference = None if matrix is None else _aligned(scores, other, column, matrix)
        if reference is None:
            continue
        mine, theirs = shared(matrix, reference)
        prompts = scores.clusters(matrix.columns)
        found = crossed_reduction(mine, theirs, prompts)
        test = details_of_test(crossed(mine - theirs, prompts))
        records.append(crossed_record(base, metric, found, test=test))
    matrix = scores.matrix(config, "success")
    reference = None if matrix is None else _aligned(scores, other, "success", matrix)
    if reference is not None:
        mine, theirs = shared(matrix, reference)
        found = crossed(mine - theirs, scores.clusters(matrix.columns))
        more = details_of_test(
            found,
            sd=100 * found.spread,
            # McNemar needs one verdict per episode, so it is done seed by seed
            p_mcnemar=_mcnemar(mine, theirs),
            p_tost=found.p_within(settings.margin),
            margin=100 * settings.margin,
        )
        records.append(crossed_record(base, success, found, 100, test=more))
    return records


def _mcnemar(ours_SE: np.ndarray, theirs_SE: np.ndarray) -> float | None:
    """Median over seeds of the exact p-value; None for an expectation (random-pick), which is not 0 or 1."""
    if not np.isin(np.concatenate([ours_SE, theirs_SE]), (0, 1)).all():
        return None
    return float(np.median([statistics.mcnemar(a, b) for a, b in zip(ours_SE, theirs_SE, strict=False)]))


def power_records(scores, head, full, base, settings) -> list[dict[str, Any]]:
    """Power of the test of LRRC's success with the variation seen here, on all episodes and the paper's 30."""
    matrix = scores.matrix(head, "success")
    reference = None if matrix is None else _aligned(scores, full, "success", matrix)
    if reference is None:
        return []
    mine, theirs = shared(matrix, reference)
    seen = crossed(mine - theirs, scores.clusters(matrix.columns))
    here, records = {**base, "evaluation": "power"}, []
    for n in sorted({seen.episodes, PAPER_TEST_EPISODES}) if seen.episodes > 1 else []:
        there, sizes = seen.on(n), {"n": n, "seeds": seen.trainings}
        power, least = there.power(PAPER_EFFECT, settings.alpha), 100 * there.detectable(settings.alpha)
        records.append(new_record(here, "power_of_paper_effect", power, **sizes))
        records.append(new_record(here, "detectable_success_difference", least, **sizes))
    return records


def subgroup_records(scores, head, full, base, settings) -> list[dict[str, Any]]:
    """Comparison of LRRC with Full-Context inside each language and task family (paper section 4.5)."""
    records = []
    for column in ("category", "language"):
        groups = scores.tables[full].dropna(subset=[column]).groupby(column)["episode_id"].unique()
        for name, episodes in groups.items():
            if len(episodes) < 2:
                continue
            part = scores.among(episodes, (head, full), f"{column} {name}")
            here = {**base, "evaluation": f"by-{column}", "variant": str(name)}
            records += comparison_records(part, head, full, here, settings)
    return records


def dataset_records(table1: Iterable[Mapping], source: Source) -> list[dict[str, Any]]:
    """Records of Table 1 / Figure 5: rows {"accounting", "split", "episodes", "turns_per_episode", ...}."""
    records = []
    for row in table1:
        variant = f"{row['accounting']}/{row['split']}"
        nothing = {"policy": None, "rank": None, "budget": None}
        base = {"evaluation": "dataset", **asdict(source), **nothing, "variant": variant}
        for metric, value in row.items():
            if metric in METRICS and value is not None:
                records.append(new_record(base, metric, value, n=row["episodes"], seeds=0))
    return records


def read_rows(folder: Path) -> pd.DataFrame:
    """All rows of results/replay. Raises ValueError where there are none."""
    import pandas as pd

    files = sorted(Path(folder).glob("*.parquet"))
    if not files:
        raise ValueError(f"{folder}: no *.parquet; `dvc repro replay` makes them")
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
