"""Scores of a configuration as seeds x episodes, and tests over families of configurations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lrrc.results import statistics
from lrrc.results.crossed import Crossed, side_by_side
from lrrc.results.summary import new_record

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


GATE_ON = "call-gate-on"  # the variant of a policy measured with the call gate


@dataclass(frozen=True)
class Source:
    """What the rows were measured on."""

    data: str  # "embedded", "lmsys", ...
    judge: str | None  # "human", "verifier" or None


@dataclass(frozen=True)
class Settings:
    """Operating point and tests (`rank`, `budget`, section `stats` of params.yaml); margin is a share.

    `stop` is the point of LRRC's curve at which others are compared with it (`digest.least_share`).
    """

    rank: int
    budget: int
    alpha: float = 0.05
    margin: float = 0.05
    stop: float = 0.07


@dataclass(frozen=True, order=True)
class Configuration:
    """What one line of the main table stands for."""

    policy: str
    rank: int | None
    budget: int | None
    variant: str
    gated: bool


class Scores:
    """Rows of one evaluation as arrays of seeds x episodes, one per configuration."""

    def __init__(self, tables: Mapping[Configuration, pd.DataFrame], where: str) -> None:
        self.tables, self.where = tables, where
        self.known: dict[tuple[Configuration, str], pd.DataFrame | None] = {}
        self.prompt_of: dict[str, str] = {}

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
            config = Configuration(policy, _integer(rank), _integer(budget), variant, bool(gated))
            if table.duplicated(["seed", "episode_id"]).any():
                raise ValueError(f"{where}: {config}: an episode occurs twice for one seed")
            tables[config] = table
        return cls(tables, where)

    def among(self, episodes: Iterable[str], configs: Iterable[Configuration], where: str) -> Scores:
        """The scores of some configurations on some episodes."""
        parts = {c: self.tables[c][self.tables[c]["episode_id"].isin(list(episodes))] for c in configs}
        return Scores(parts, f"{self.where} ({where})")

    def clusters(self, episodes: Iterable[str]) -> list[str] | None:
        """The prompt of each episode, where rows name one: what intervals draw whole. None: episodes by themselves."""
        if not self.prompt_of and any("prompt" in table for table in self.tables.values()):
            for table in self.tables.values():
                self.prompt_of.update(zip(table["episode_id"], table["prompt"], strict=True))
        return [self.prompt_of[episode] for episode in episodes] if self.prompt_of else None

    def matrix(self, config: Configuration, column: str) -> pd.DataFrame | None:
        """Seeds x episodes of a column, None where nothing was recorded. A seed with holes: ValueError."""
        if (config, column) not in self.known:
            values = self.tables[config].pivot(index="seed", columns="episode_id", values=column)
            values = values.astype(float).dropna(axis=1, how="all").sort_index(axis=1)
            if values.isna().any().any():
                raise ValueError(f"{self.where}: {config}: {column}: some episodes lack a seed; score each per seed")
            self.known[config, column] = values if values.size else None
        return self.known[config, column]

    def reference(self) -> Configuration:
        """The Full-Context configuration that everything is compared with."""
        found = [c for c in self.tables if c.policy == "full-context" and not c.gated and not c.variant]
        if len(found) != 1:
            raise ValueError(f"{self.where}: needs rows of one ungated full-context policy, found {len(found)}")
        return found[0]

    def base(self, config: Configuration, source: Source) -> dict[str, Any]:
        """The fields that name a configuration's records.

        Every policy counts without the call gate, which is offered to all alike and saves calls whatever is sent in
        them; with the gate it is an ablation, as are rows with a variant.
        """
        free = replace(config, gated=False) in self.tables
        names = [config.variant] if config.variant else []
        if config.gated and free:
            names.append(GATE_ON)
        evaluation = "ablation" if names else "replay"
        return {
            "evaluation": evaluation,
            **asdict(source),
            "policy": config.policy,
            "rank": config.rank,
            "budget": config.budget,
            "variant": " ".join(names),
        }


def _integer(value: Any) -> int | None:
    # null is None, NaN or pandas.NA
    return int(value) if hasattr(value, "__int__") and not math.isnan(value) else None


def details_of_test(test: Crossed | statistics.Paired, **more: Any) -> dict[str, Any]:
    """What a record keeps of a paired test."""
    if isinstance(test, statistics.Paired):
        return {"p_raw": test.p, "effect": test.effect, **more}
    return {"p_raw": test.p(), "effect": test.value / test.spread if test.spread else None, **more}


def crossed_record(base: Mapping, metric: str, found: Crossed, scale: float = 1, **more: Any) -> dict[str, Any]:
    """A record of a figure with its interval over trainings and episodes, in `scale` times the unit of the scores.

    `retrained_se`: its standard error over new trainings on the same episodes, where there were several.
    """
    if found.retrained is not None:
        more = {"retrained_se": scale * found.retrained, **more}
    scaled = [scale * number for number in found.interval()]
    return new_record(base, metric, *scaled, n=found.episodes, seeds=found.trainings, **more)


def shared(mine: pd.DataFrame, theirs: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Two sides on the episodes that both met, with the seeds that both were trained with [S, E].

    Where they share no seed, or one side has a single one, as `side_by_side`.
    """
    episodes = mine.columns.intersection(theirs.columns)
    seeds = mine.index.intersection(theirs.index)
    if min(len(mine), len(theirs)) > 1 and len(seeds):
        mine, theirs = mine.loc[seeds], theirs.loc[seeds]
    return side_by_side(mine[episodes].to_numpy(), theirs[episodes].to_numpy())


def adjust_for_many_tests(records: list[dict[str, Any]]) -> None:
    """Fill p_vs_full_context: Holm over all configurations of one evaluation, metric by metric."""
    families: dict[tuple, list[dict]] = {}
    for record in records:
        if "test" in record:
            families.setdefault((record["evaluation"], record["metric"]), []).append(record)
    for (_, metric), family in families.items():
        for record, p in zip(family, statistics.holm([r["test"]["p_raw"] for r in family]), strict=True):
            if metric.startswith("lrrc_"):  # compared with LRRC, not with Full-Context
                record["test"]["p_holm"] = p
            else:
                record["p_vs_full_context"] = p
