"""Records of what the stage tune tried: nats captured under the parameters' own settings and under those chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lrrc.results.scores import Settings, Source
from lrrc.results.summary import new_record

GIVEN, CHOSEN = "as given", "chosen"


def read_tuning(path: Path, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """Two records of every policy (variant GIVEN and CHOSEN), means over folds; of the second, `settings` fold by fold.

    The best of several trials looks better on the episodes that chose it than it is: these figures choose, they do not
    compare policies. n is the number of calls of all folds.
    """
    tuned = json.loads(Path(path).read_text(encoding="utf-8"))
    by_fold: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for trial in tuned["trials"]:
        by_fold.setdefault(trial["policy"], {}).setdefault(trial["fold"], []).append(trial)
    records = []
    for policy, folds in by_fold.items():
        base = {
            "evaluation": "tune",
            **asdict(source),
            "policy": policy,
            "rank": settings.rank if policy == "lrrc" else None,
            "budget": settings.budget,
        }
        sizes = {"n": sum(trials[0]["calls"] for trials in folds.values()), "seeds": 1}
        best = [max(trials, key=lambda trial: trial["area"]) for trials in folds.values()]
        given = [trials[0] for trials in folds.values()]
        more = {"trials": len(next(iter(folds.values())))}
        for variant, shown in ((GIVEN, given), (CHOSEN, best)):
            value = sum(trial["area"] for trial in shown) / len(shown)
            told = [", ".join(f"{key} {value}" for key, value in trial["settings"].items()) for trial in shown]
            here = {**base, "variant": variant}
            records.append(new_record(here, "captured_gain", value, **sizes, **more, settings=told))
    return records
