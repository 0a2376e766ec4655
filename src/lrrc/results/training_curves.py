"""Training curves -> arrays for Figure 4 and records for the claims of paper section 4.3."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.results.summary import new_record


def read_by_rank(models: Path, file: str) -> dict[tuple[int, int], Any]:
    """Parsed models/train-r<rank>-s<seed>/`file` by (rank, seed)."""
    found = {}
    for path in sorted(Path(models).glob(f"train-r*-s*/{file}")):
        rank, seed = re.fullmatch(r"train-r(\d+)-s(\d+)", path.parent.name).groups()
        found[int(rank), int(seed)] = json.loads(path.read_text(encoding="utf-8"))
    return dict(sorted(found.items()))


def read_histories(models: Path) -> dict[tuple[int, int], list[dict]]:
    """Training curves by (rank, seed)."""
    return read_by_rank(models, "history.json")


def training_records(histories: Mapping[tuple[int, int], list[Mapping]], source: Mapping) -> list[dict[str, Any]]:
    """Records of training curves, means over folds and seeds of `histories[rank, seed]`."""
    records = []
    for rank in sorted({rank for rank, _ in histories}):
        seeds = [seed for r, seed in histories if r == rank]
        curves = [curve for seed in seeds for curve in curves_of(histories[rank, seed])]
        named = {"policy": "lrrc", "rank": rank, "budget": None, "variant": ""}
        base = {"evaluation": "training", **source, **named}
        for metric, summarise in CURVES.items():
            value = float(np.mean([summarise(curve) for curve in curves]))
            records.append(new_record(base, metric, value, n=len(curves), seeds=len(seeds)))
    return records


def curves_of(history: Sequence[Mapping]) -> list[dict[str, np.ndarray]]:
    """One {column: values by epoch} per fold."""
    folds: dict[Any, list[Mapping]] = {}
    for row in sorted(history, key=lambda row: (row["fold"], row["epoch"])):
        folds.setdefault(row["fold"], []).append(row)
    columns = [key for row in history[:1] for key in row if key != "fold"]  # main, 0, ...
    return [{key: np.array([row[key] for row in rows], float) for key in columns} for rows in folds.values()]


def settled(curve: np.ndarray, tolerance: float = 0.05) -> int:
    """First epoch (from 1) after which the curve stays within `tolerance` of its last value."""
    outside = np.flatnonzero(np.abs(curve - curve[-1]) > tolerance * abs(curve[-1]))
    return int(outside[-1]) + 2 if outside.size else 1


def drift(curve: np.ndarray) -> float:
    """Percent by which the last value differs from the one at three quarters of training."""
    return 100 * abs(curve[-1] / curve[3 * (len(curve) - 1) // 4] - 1)


def late_fall(curve: np.ndarray) -> float:
    """Percent of the fall from the first value to the least that came in the last quarter: near 0 on a plateau."""
    fall = curve[0] - curve.min()
    return 100 * float(curve[: len(curve) - len(curve) // 4].min() - curve.min()) / fall if fall > 0 else 0.0


CURVES = {
    "training_epochs": lambda curve: len(curve["epoch"]),
    "late_fall": lambda curve: late_fall(curve["val_loss"]),
    "validation_agreement": lambda curve: curve["val_agreement"].max(),
    "state_norm_settled_epoch": lambda curve: settled(curve["state_norm"]),
    "state_norm_drift": lambda curve: drift(curve["state_norm"]),
    "reconstruction_rise": lambda curve: 100 * (curve["loss_rec"][-1] / curve["loss_rec"].min() - 1),
    "active_channels": lambda curve: curve["active_channels"][-1],
}
