"""Names and folders of everything that is trained: one item of a stage, one folder below models/."""

from __future__ import annotations

from pathlib import Path


def item_name(folder: Path) -> str:
    """What results call a checkpoint: `train-r8-s0` as its folder, `ablate-gate-off-s0` that of ablate-gate-off/s0."""
    return f"{folder.parent.name}-{folder.name}" if folder.parent.name.startswith("ablate-") else folder.name
