"""The files that every training and evaluation reads, and the folds of the split."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path


def fold_of(splits: Path) -> dict[str, int]:
    """Episode id -> the fold whose fit never saw it."""
    return {i: fold for fold, split in enumerate(json.loads(splits.read_text())["folds"]) for i in split["test"]}


INPUTS = ("data/raw/episodes.parquet", "data/segments.safetensors", "data/encoder", "data/splits.json")


@dataclasses.dataclass(frozen=True)
class StageInputs:
    """Files that the stages before wrote."""

    episodes: Path
    segments: Path
    encoder: Path
    splits: Path


def _split(path: Path, fit: str) -> dict[str, list[str]]:
    """Ids of train, val and test for `main` or `fold-3`."""
    splits = json.loads(path.read_text())
    return splits if fit == "main" else splits["folds"][int(fit.removeprefix("fold-"))]


def fold_names(path: Path) -> list[str]:
    """`fold-0` and so on, as many as the split has."""
    return [f"fold-{i}" for i in range(len(json.loads(path.read_text())["folds"]))]
