"""Records of the stage fidelity: extra nats over Full-Context, tokens, LRRC against every policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.policy_catalogue import REFERENCE
from lrrc.results import statistics
from lrrc.results.curves import FIDELITY, NOTHING, curve_records
from lrrc.results.scores import Settings, adjust_for_many_tests, details_of_test
from lrrc.results.summary import new_record

if TYPE_CHECKING:
    import pandas as pd


def read_fidelity(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Records of what the stage fidelity wrote: extra nats over Full-Context, tokens, LRRC against every policy."""
    import pandas as pd

    rows = pd.read_parquet(Path(folder) / "rows.parquet")
    meta = json.loads((Path(folder) / "meta.json").read_text(encoding="utf-8"))
    records = []
    for data, part in rows.groupby("data"):
        source = {"data": str(data), "judge": meta["judges"][data]}
        curves, part = part[part["stop"].notna()], part[part["stop"].isna()]
        records += _records(part, source)
        empty = part[part["policy"] == NOTHING]
        base = {"evaluation": "fidelity", **source}
        records += curve_records(with_units(curves), with_units(empty), base, FIDELITY, settings)
    adjust_for_many_tests(records)
    return [{**record, "agent": meta["agent"]} for record in records]


def with_units(rows: pd.DataFrame) -> pd.DataFrame:
    """A reply is the unit."""
    return rows.assign(unit=rows["episode_id"] + " " + rows["turn"].astype(str) + " " + rows["agent"])


def _records(rows: pd.DataFrame, source: Mapping[str, Any]) -> list[dict[str, Any]]:
    place = ["episode_id", "turn", "agent"]
    nats = {policy: part.set_index(place)["nats"].sort_index() for policy, part in rows.groupby("policy")}
    whole, ours, records = nats[REFERENCE], nats.get("lrrc"), []
    for policy, part in rows.groupby("policy"):
        first = part.iloc[0]
        numbers = {key: None if np.isnan(first[key]) else int(first[key]) for key in ("rank", "budget")}
        base = {"evaluation": "fidelity", **source, "policy": str(policy), **numbers, "variant": ""}
        sizes = {"n": len(part), "seeds": 1}
        cost = statistics.t_interval(part["tokens"].to_numpy())
        records.append(new_record(base, "fidelity_tokens_per_call", *cost, **sizes))
        if len(part) < 2:
            continue  # nothing to test
        if policy != REFERENCE:
            records.append(_paired(base, "nats_over_full_context", nats[policy], whole, sizes))
        if ours is not None and policy != "lrrc":
            records.append(_paired(base, "lrrc_fidelity_minus_policy", ours, nats[policy], sizes))
    return records


def _paired(base: Mapping, metric: str, a: Sequence, b: Sequence, sizes: Mapping) -> dict[str, Any]:
    test = statistics.paired(np.asarray(a), np.asarray(b))
    return new_record(base, metric, *test.difference, test=details_of_test(test), **sizes)
