"""The files that every training and evaluation reads, and the folds of the split."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OWN_SPLITS = "splits.json"
INPUTS = ("data/raw/episodes.parquet", "data/segments.safetensors", "data/encoder", "data/splits.json")


@dataclass(frozen=True)
class StageInputs:
    """Files that the stages before wrote.

    A fit is named `main`, on the split of train, validation and test, or `fold-0` and so on, on a fold of
    cross-fitting: ids of its episodes are those of `train`, `val` and `test`, which it never sees.
    """

    episodes: Path
    segments: Path
    encoder: Path
    splits: Path

    def of(self, checkpoint: Path | None) -> StageInputs:
        """The same with the split that a checkpoint's fits were made on: its own where it, or all seeds together, have
        one."""
        places = (checkpoint / OWN_SPLITS, checkpoint.parent / OWN_SPLITS) if checkpoint else ()
        return next((replace(self, splits=place) for place in places if place.is_file()), self)

    def folds(self) -> list[dict[str, list[str]]]:
        """Ids of the episodes of every fold: train, val, test."""
        return _splits(self.splits)["folds"]

    def fit_names(self) -> list[str]:
        """`fold-0` and so on, as many as the split has."""
        return [f"fold-{i}" for i in range(len(self.folds()))]

    def ids(self, fit: str) -> dict[str, list[str]]:
        """Ids of train, val and test for `main` or `fold-3`."""
        return _splits(self.splits) if fit == "main" else self.folds()[int(fit.removeprefix("fold-"))]

    def fold_of(self) -> dict[str, int]:
        """Episode id -> the fold whose fit never saw it."""
        return {i: fold for fold, split in enumerate(self.folds()) for i in split["test"]}


def _splits(path: Path) -> dict[str, Any]:
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4)
def _read(path: Path, *state: int) -> dict[str, Any]:  # a file written anew is read anew
    return json.loads(path.read_text(encoding="utf-8"))
