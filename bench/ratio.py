"""What the comparisons of this folder share: times of rivals measured in turn, ratios held against targets, JSON.

Times mean little on a machine that others use too; ratios of times measured in turn within one process mean something.
The least of several rounds is taken, as everything that disturbs a round makes it longer.
"""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A measured `value`, and what it must not fall below or exceed; with neither it is only reported."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        if not math.isfinite(self.value):
            return False
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def to_dict(self) -> dict[str, object]:
        limits = {"at_least": self.at_least, "at_most": self.at_most}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return {"what": self.what, "value": float(f"{self.value:.4g}"), **given, **({"met": self.met} if given else {})}


def least(
    rivals: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """The least seconds of each rival over `rounds`, in which they take turns; collected garbage is nobody's time."""
    best = dict.fromkeys(rivals, math.inf)
    for _ in range(rounds):
        for name, work in rivals.items():
            gc.collect()
            began = clock()
            work()
            best[name] = min(best[name], clock() - began)
    return best


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the least-squares line through the points."""
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return over / sum((a - middle_x) ** 2 for a in x)


def verdict(targets: list[Target], **details: object) -> int:
    """Print the result as JSON; the exit status: 1 where a target is missed."""
    print(json.dumps({"targets": [target.to_dict() for target in targets], **details}, indent=1))
    return int(not all(target.met for target in targets))
