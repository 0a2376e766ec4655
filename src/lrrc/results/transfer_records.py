"""Rows of results/transfer.parquet -> records: surprise over Full-Context, LRRC against the best fixed rule, and
against the place prior that it starts from: what learning adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lrrc.policy_catalogue import REFERENCE, WHOLE
from lrrc.results import statistics
from lrrc.results.scores import Settings, adjust_for_many_tests, details_of_test
from lrrc.results.summary import LIVE_AGENT, new_record


def read_transfer(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """Records of every rule (variant "") and of LRRC by what it was trained on (variant "embedded + name")."""
    import pandas as pd

    records: list[dict[str, Any]] = []
    for data, part in pd.read_parquet(path).groupby("data"):
        place = ["episode_id", "turn", "agent"]
        keys = ["policy", "trained_on"]
        nats = {key: rows.set_index(place)["nats"].sort_index() for key, rows in part.groupby(keys)}
        rules = [key for key in nats if key[0] not in (*WHOLE, "lrrc", "lead")]
        best = min(rules, key=lambda key: nats[key].mean())
        for (policy, trained_on), rows in part.groupby(keys):
            ours = policy == "lrrc"
            base = {
                "evaluation": "transfer",
                "data": str(data),
                "judge": None,
                "policy": str(policy),
                "rank": settings.rank if ours else None,
                "budget": None if policy in WHOLE else settings.budget,
                "variant": str(trained_on),
            }
            sizes = {"n": len(rows), "seeds": 1}
            cost = statistics.t_interval(rows["tokens"].to_numpy())
            records.append(new_record(base, "fidelity_tokens_per_call", *cost, **sizes))
            mine, compared = nats[policy, trained_on], []
            if policy != REFERENCE:
                compared.append(("nats_over_full_context", nats[REFERENCE, ""], {}))
            if ours:
                compared.append(("nats_over_best_rule", nats[best], {"rule": best[0]}))
                compared.append(("nats_over_lead", nats["lead", ""], {}))
            for metric, other, more in compared:
                test = statistics.paired(np.asarray(mine), np.asarray(other))
                records.append(new_record(base, metric, *test.difference, test=details_of_test(test, **more), **sizes))
    adjust_for_many_tests(records)
    return [{**record, "agent": LIVE_AGENT} for record in records]
