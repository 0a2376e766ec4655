"""Records of the call gate's curve: calls and preference success at every threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrrc.results import statistics
from lrrc.results.summary import new_record

if TYPE_CHECKING:
    from lrrc.results.scores import Source

CURVE = "gate/curve.parquet"  # below results/replay


def gate_records(replay: Path, source: Source) -> list[dict[str, Any]]:
    """Records call-gate: calls per episode and preference success, one variant `tau=0.10` per threshold.

    Empty where no threshold was tried.
    """
    path = Path(replay) / CURVE
    if not path.is_file():
        return []
    rows = pd.read_parquet(path)
    records = []
    for tau, part in rows.groupby("tau"):
        first: Mapping[str, Any] = part.iloc[0]
        base = {
            "evaluation": "call-gate",
            **asdict(source),
            "policy": "lrrc",
            "rank": int(first["rank"]),
            "budget": int(first["budget"]),
            "variant": f"tau={tau:.2f}",
        }
        means = part.groupby("episode_id")[["calls", "success"]].mean()
        sizes = {"n": len(means), "seeds": part["seed"].nunique()}
        for metric, column in (("calls_per_episode", "calls"), ("preference_success", "success")):
            records.append(new_record(base, metric, *statistics.t_interval(means[column].to_numpy()), **sizes))
    return records
