"""Records of the call gate's curve: calls and preference success at every threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrrc.results.crossed import crossed
from lrrc.results.scores import crossed_record

if TYPE_CHECKING:
    from lrrc.results.scores import Source

CURVE = "gate/curve.parquet"  # below results/replay


def gate_records(replay: Path, source: Source, prompt_of: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Records call-gate: calls per episode and preference success, one variant `tau=0.10` per threshold.

    `prompt_of` the episodes, where intervals draw prompts. Empty where no threshold was tried.
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
        for metric, column in (("calls_per_episode", "calls"), ("preference_success", "success")):
            matrix = curve_matrix(part, column)
            prompts = [prompt_of[i] for i in matrix.columns] if prompt_of else None
            records.append(crossed_record(base, metric, crossed(matrix, prompts)))
    return records


def curve_matrix(at_one_threshold: pd.DataFrame, column: str) -> pd.DataFrame:
    """Seeds x episodes of a column of the curve; episodes that lack a seed are left out."""
    return at_one_threshold.pivot(index="seed", columns="episode_id", values=column).dropna(axis=1).astype(float)
