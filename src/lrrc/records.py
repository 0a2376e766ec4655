"""Rows per episode -> records of results/summary.json (schema: lrrc.summary)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc import stats
from lrrc.curves import read_histories, training_records
from lrrc.gate_curve import FILE, gate_records
from lrrc.summary import FLOORS, METRICS, new_record

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


@dataclass(frozen=True)
class Source:
    """What the rows were measured on."""

    data: str  # "embedded", "lmsys", ...
    judge: str | None  # "human", "verifier" or None


@dataclass(frozen=True)
class Settings:
    """Operating point and tests (`rank`, `budget`, section `stats` of params.yaml); margin is a share."""

    rank: int
    budget: int
    alpha: float = 0.05
    bootstrap: int = 2000
    margin: float = 0.05
    seed: int = 0


@dataclass(frozen=True, order=True)
class Config:
    """What one line of the main table stands for."""

    policy: str
    rank: int | None
    budget: int | None
    variant: str
    gated: bool


class Scores:
    """Rows of one evaluation as arrays of seeds x episodes, one per configuration."""

    def __init__(self, tables: Mapping[Config, pd.DataFrame], where: str) -> None:
        self.tables, self.where = tables, where
        self.known: dict[tuple[Config, str], pd.DataFrame | None] = {}

    @classmethod
    def of_rows(cls, rows: pd.DataFrame, where: str = "results/replay") -> Scores:
        """Raises ValueError where an episode was scored twice for one seed."""
        rows = rows.assign(
            variant=rows["variant"].fillna("") if "variant" in rows else "",
            gated=rows["gated"].fillna(False).astype(bool) if "gated" in rows else False,
            fresh_tokens=rows["prompt_tokens"] - rows["reusable_prefix_tokens"],
        )
        tables = {}
        named = ["policy", "rank", "budget", "variant", "gated"]
        for (policy, rank, budget, variant, gated), table in rows.groupby(named, dropna=False, sort=True):
            config = Config(policy, _integer(rank), _integer(budget), variant, bool(gated))
            if table.duplicated(["seed", "episode_id"]).any():
                raise ValueError(f"{where}: {config}: an episode occurs twice for one seed")
            tables[config] = table
        return cls(tables, where)

    def among(self, episodes: Iterable[str], configs: Iterable[Config], where: str) -> Scores:
        """The scores of some configurations on some episodes."""
        parts = {c: self.tables[c][self.tables[c]["episode_id"].isin(list(episodes))] for c in configs}
        return Scores(parts, f"{self.where} ({where})")

    def matrix(self, config: Config, column: str) -> pd.DataFrame | None:
        """Seeds x episodes of a column, None where nothing was recorded. A seed with holes: ValueError."""
        if (config, column) not in self.known:
            values = self.tables[config].pivot(index="seed", columns="episode_id", values=column)
            values = values.astype(float).dropna(axis=1, how="all").sort_index(axis=1)
            if values.isna().any().any():
                raise ValueError(f"{self.where}: {config}: {column}: some episodes lack a seed; score each per seed")
            self.known[config, column] = values if values.size else None
        return self.known[config, column]

    def reference(self) -> Config:
        """The Full-Context configuration that everything is compared with."""
        found = [c for c in self.tables if c.policy == "full-context" and not c.gated and not c.variant]
        if len(found) != 1:
            raise ValueError(f"{self.where}: needs rows of one ungated full-context policy, found {len(found)}")
        return found[0]

    def base(self, config: Config, source: Source) -> dict[str, Any]:
        """The fields that name a configuration's records.

        LRRC counts with its call gate, every other policy without; the other setting of a policy measured
        both ways is an ablation, as are rows with a variant.
        """
        both = replace(config, gated=not config.gated) in self.tables
        usual = not both or config.gated == (config.policy == "lrrc")
        names = [config.variant] if config.variant else []
        if not usual:
            names.append("call-gate-on" if config.gated else "call-gate-off")
        evaluation = "ablation" if names else "replay"
        return {"evaluation": evaluation, **asdict(source), "policy": config.policy, "rank": config.rank,
                "budget": config.budget, "variant": " ".join(names)}  # fmt: skip


def _integer(value: Any) -> int | None:
    # null is None, NaN or pandas.NA
    return int(value) if hasattr(value, "__int__") and not math.isnan(value) else None


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
    adjust(records)
    return records


def mean_records(scores: Scores, config: Config, full: Config, base: Mapping) -> list[dict[str, Any]]:
    """Mean per episode of every column, with a t interval over episodes and the spread over seeds."""
    records = []
    for metric, column in COSTS.items():
        if config.policy in FLOORS and column != "success":
            continue
        matrix = scores.matrix(config, column)
        if matrix is None:
            continue
        values, spread = stats.over_seeds(matrix)
        more = {"seed_sd": spread} if spread is not None else {}
        if config != full:
            reference = _aligned(scores, full, column, matrix)
            if reference is not None:
                more["test"] = details(stats.paired(values, reference))
        records.append(new_record(base, metric, *stats.t_interval(values), n=values.size, seeds=len(matrix), **more))
    return records


def _aligned(scores: Scores, config: Config, column: str, matrix: pd.DataFrame) -> np.ndarray | None:
    """Seed means of `config` on the episodes of `matrix`. Other episodes are a ValueError."""
    other = scores.matrix(config, column)
    if other is None:
        return None
    if list(other.columns) != list(matrix.columns):
        raise ValueError(
            f"{scores.where}: {column}: {config.policy} covers {other.shape[1]} episodes, a policy compared "
            f"with it {matrix.shape[1]} or others; score every policy on the same episodes"
        )
    return stats.over_seeds(other)[0]


def details(test: stats.Paired, **more: Any) -> dict[str, Any]:
    """What a record keeps of a paired test."""
    return {"p_raw": test.p, "effect": test.effect, **more}


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
        mine = stats.over_seeds(matrix)[0]
        rng = np.random.default_rng(settings.seed)
        interval = stats.bca_interval(stats.reduction, mine, reference, rng=rng, resamples=settings.bootstrap)
        test = details(stats.paired(mine, reference))
        records.append(new_record(base, metric, *interval, n=mine.size, seeds=len(matrix), test=test))
    matrix = scores.matrix(config, "success")
    reference = None if matrix is None else _aligned(scores, other, "success", matrix)
    if reference is not None:
        mine, theirs = stats.over_seeds(matrix)[0], scores.matrix(other, "success").values
        test = stats.paired(mine, reference)
        rng = np.random.default_rng(settings.seed)
        boot = stats.bca_interval(np.mean, mine - reference, rng=rng, resamples=settings.bootstrap)
        more = details(
            test,
            sd=100 * test.sd,
            low_bca=100 * boot.low,
            high_bca=100 * boot.high,
            # McNemar needs one verdict per episode, so it is done seed by seed
            p_mcnemar=_mcnemar(matrix.values, theirs),
            p_tost=stats.tost(mine, reference, settings.margin),
            margin=100 * settings.margin,
        )
        points = [100 * share for share in test.difference]
        records.append(new_record(base, success, *points, n=mine.size, seeds=len(matrix), test=more))
    return records


def _mcnemar(ours_SE: np.ndarray, theirs_SE: np.ndarray) -> float | None:
    """Median over seeds of the exact p-value; None for an expectation (random-pick), which is not 0 or 1."""
    if not np.isin(np.concatenate([ours_SE, theirs_SE]), (0, 1)).all():
        return None
    return float(np.median([stats.mcnemar(a, b) for a, b in zip(ours_SE, theirs_SE, strict=False)]))


def power_records(records, base, settings) -> list[dict[str, Any]]:
    """Power of the test of LRRC's success with the spread seen here, on all episodes and the paper's 30."""
    found = [r for r in records if r["metric"] == "success_difference_vs_full"
             and all(r[key] == base[key] for key in base)]  # fmt: skip
    power, here = [], {**base, "evaluation": "power"}
    for n in sorted({r["n"] for r in found} | {PAPER_TEST_EPISODES}) if found else []:
        sd = found[0]["test"]["sd"] / 100
        seen = stats.power(PAPER_EFFECT, sd, n, settings.alpha)
        least = 100 * stats.detectable(sd, n, settings.alpha)
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


def adjust(records: list[dict[str, Any]]) -> None:
    """Fill p_vs_full_context: Holm over all configurations of one evaluation, metric by metric."""
    families: dict[tuple, list[dict]] = {}
    for record in records:
        if "test" in record:
            families.setdefault((record["evaluation"], record["metric"]), []).append(record)
    for (_, metric), family in families.items():
        for record, p in zip(family, stats.holm([r["test"]["p_raw"] for r in family]), strict=True):
            if metric.startswith("lrrc_"):  # compared with LRRC, not with Full-Context
                record["test"]["p_holm"] = p
            else:
                record["p_vs_full_context"] = p


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


def read_records(replay: Path, table1: Iterable[Mapping], models: Path, settings: Settings) -> list[dict[str, Any]]:
    """Every record there is, from what the stages wrote; one more evaluation is one more line here."""
    source = Source(**json.loads((Path(replay) / "meta.json").read_text(encoding="utf-8")))
    return [
        *evaluation_records(read_rows(replay), source, settings),
        *(gate_records(replay, source) if (Path(replay) / FILE).is_file() else []),
        *dataset_records(table1, source),
        *training_records(read_histories(models), asdict(source)),
    ]
