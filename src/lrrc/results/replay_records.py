"""Rows per episode -> records of results/summary.json (schema: lrrc.results.summary)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.policy_catalogue import FLOORS
from lrrc.results import statistics
from lrrc.results.scores import Configuration, Scores, Settings, Source, adjust_for_many_tests, details_of_test
from lrrc.results.summary import METRICS, new_record
from lrrc.runtime.chance import stream

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
        records += power_records(records, bases[head], settings)
        records += subgroup_records(scores, head, full, bases[head], settings)
    adjust_for_many_tests(records)
    return records


def mean_records(scores: Scores, config: Configuration, full: Configuration, base: Mapping) -> list[dict[str, Any]]:
    """Mean per episode of every column, with a t interval over episodes and the spread over seeds."""
    records = []
    for metric, column in COSTS.items():
        if config.policy in FLOORS and column != "success":
            continue
        matrix = scores.matrix(config, column)
        if matrix is None:
            continue
        values, spread = statistics.over_seeds(matrix)
        more = {"seed_sd": spread} if spread is not None else {}
        if config != full:
            reference = _aligned(scores, full, column, matrix)
            if reference is not None:
                more["test"] = details_of_test(statistics.paired(values, reference))
        records.append(
            new_record(base, metric, *statistics.t_interval(values), n=values.size, seeds=len(matrix), **more)
        )
    return records


def _aligned(scores: Scores, config: Configuration, column: str, matrix: pd.DataFrame) -> np.ndarray | None:
    """Seed means of `config` on the episodes of `matrix`. Other episodes are a ValueError."""
    other = scores.matrix(config, column)
    if other is None:
        return None
    if list(other.columns) != list(matrix.columns):
        raise ValueError(
            f"{scores.where}: {column}: {config.policy} covers {other.shape[1]} episodes, a policy compared "
            f"with it {matrix.shape[1]} or others; score every policy on the same episodes"
        )
    return statistics.over_seeds(other)[0]


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
        mine = statistics.over_seeds(matrix)[0]
        rng = stream("bootstrap", settings.seed)
        interval = statistics.bca_interval(statistics.reduction, mine, reference, rng=rng, resamples=settings.bootstrap)
        test = details_of_test(statistics.paired(mine, reference))
        records.append(new_record(base, metric, *interval, n=mine.size, seeds=len(matrix), test=test))
    matrix = scores.matrix(config, "success")
    reference = None if matrix is None else _aligned(scores, other, "success", matrix)
    if reference is not None:
        mine, theirs = statistics.over_seeds(matrix)[0], scores.matrix(other, "success").values
        test = statistics.paired(mine, reference)
        rng = stream("bootstrap", settings.seed)
        boot = statistics.bca_interval(np.mean, mine - reference, rng=rng, resamples=settings.bootstrap)
        more = details_of_test(
            test,
            sd=100 * test.sd,
            low_bca=100 * boot.low,
            high_bca=100 * boot.high,
            # McNemar needs one verdict per episode, so it is done seed by seed
            p_mcnemar=_mcnemar(matrix.values, theirs),
            p_tost=statistics.tost(mine, reference, settings.margin),
            margin=100 * settings.margin,
        )
        points = [100 * share for share in test.difference]
        records.append(new_record(base, success, *points, n=mine.size, seeds=len(matrix), test=more))
    return records


def _mcnemar(ours_SE: np.ndarray, theirs_SE: np.ndarray) -> float | None:
    """Median over seeds of the exact p-value; None for an expectation (random-pick), which is not 0 or 1."""
    if not np.isin(np.concatenate([ours_SE, theirs_SE]), (0, 1)).all():
        return None
    return float(np.median([statistics.mcnemar(a, b) for a, b in zip(ours_SE, theirs_SE, strict=False)]))


def power_records(records, base, settings) -> list[dict[str, Any]]:
    """Power of the test of LRRC's success with the spread seen here, on all episodes and the paper's 30."""
    found = [
        r for r in records if r["metric"] == "success_difference_vs_full" and all(r[key] == base[key] for key in base)
    ]
    power, here = [], {**base, "evaluation": "power"}
    for n in sorted({r["n"] for r in found} | {PAPER_TEST_EPISODES}) if found else []:
        sd = found[0]["test"]["sd"] / 100
        seen = statistics.power(PAPER_EFFECT, sd, n, settings.alpha)
        least = 100 * statistics.detectable(sd, n, settings.alpha)
        seeds = found[0]["seeds"]
        power.append(new_record(here, "power_of_paper_effect", seen, n=n, seeds=seeds))
        power.append(new_record(here, "detectable_success_difference", least, n=n, seeds=seeds))
    return power


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
