"""results/votes -> records: every policy by people's votes, with intervals that draw prompts and trainings.

The records of the embedded run's evaluations under names of their own: `votes` (replay), `votes-ablation`,
`votes-call-gate`, `votes-dataset`; `votes-no-loss`, what two one-sided tests say at several margins and how much
they can say; and `votes-fewer-calls`, LRRC's gate where it saves as many calls as the paper claims, against
Full-Context. `n` counts pairs of answers, `prompts` what is drawn: pairs of one prompt share its answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.results.call_gate_records import CURVE, curve_matrix, gate_records
from lrrc.results.crossed import Crossed, crossed, crossed_reduction
from lrrc.results.replay_records import dataset_records, evaluation_records
from lrrc.results.scores import GATE_ON, Scores, Settings, Source, crossed_record, shared
from lrrc.results.summary import new_record

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows.parquet"
NAMES = {name: f"votes-{name}" for name in ("ablation", "call-gate", "dataset")} | {"replay": "votes"}
MARGINS = (3, 5)  # points of success that two one-sided tests exclude
CLAIMED = 18  # percent of the calls that the paper saves


def read_votes(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Every record of the stage votes. Raises ValueError where it left nothing."""
    import pandas as pd

    if not (folder / ROWS).is_file():
        raise ValueError(f"{folder}: no {ROWS}; `dvc repro votes` makes it")
    rows = pd.read_parquet(folder / ROWS)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    source = Source(meta["data"], meta["judge"])
    prompt_of = dict(zip(rows["episode_id"], rows["prompt"], strict=True))
    measured = evaluation_records(rows, source, settings) + gate_records(folder, source, prompt_of)
    counted = [r for r in dataset_records(meta["table1"], source) if r["variant"].endswith("/total")]
    sizes = {"n": meta["pairs"], "prompts": meta["prompts"]}
    scores = Scores.of_rows(rows, "results/votes")
    measured = [r for r in measured if r["evaluation"] in NAMES] + no_loss_records(scores, source, settings)
    measured += fewer_calls_records(scores, folder, source, settings)
    found = [{**r, **sizes} for r in measured]
    base = {"evaluation": "dataset", "data": source.data, "judge": source.judge, "policy": None, "rank": None}
    drawn = {"budget": None, "variant": "drawn"}
    for metric in ("prompts", "people_agree"):
        if (value := meta.get(metric)) is not None:
            found.append(new_record({**base, **drawn}, metric, value, seeds=0, **sizes))
    return [{**r, "evaluation": NAMES.get(r["evaluation"], r["evaluation"])} for r in (*found, *counted)]


def no_loss_records(scores: Scores, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """LRRC at its operating point against Full-Context, with the call gate and without: "no loss" at every margin."""
    full, records = scores.reference(), []
    wanted = {"policy": "lrrc", "rank": settings.rank, "budget": settings.budget}
    for config in scores.tables:
        base = scores.base(config, source)
        if not wanted.items() <= base.items() or base["variant"] not in ("", GATE_ON):
            continue
        matrix, reference = (scores.matrix(c, "success") for c in (config, full))
        gap = crossed(_difference(matrix, reference), scores.clusters(matrix.columns))
        records += _at_margins({**base, "evaluation": "votes-no-loss"}, gap, settings.alpha)
    return records


def fewer_calls_records(scores: Scores, folder: Path, source: Source, settings: Settings) -> list[dict[str, Any]]:
    """The highest threshold of LRRC's gate that saves CLAIMED percent of the calls: calls saved and success against
    Full-Context, and "no loss". Which one it is, calls alone decide. Empty where none saves as many."""
    import pandas as pd

    if not (folder / CURVE).is_file():
        return []
    calls, success = (scores.matrix(scores.reference(), column) for column in ("calls", "success"))
    curve = pd.read_parquet(folder / CURVE)
    for tau, part in sorted(curve.groupby("tau"), reverse=True):
        mine = {column: curve_matrix(part, column) for column in ("calls", "success")}
        clusters = scores.clusters(mine["success"].columns)
        saved = crossed_reduction(*shared(mine["calls"], calls), clusters)
        if saved.value < CLAIMED:
            continue
        base = {"evaluation": "votes-fewer-calls", "data": source.data, "judge": source.judge, "policy": "lrrc"}
        base |= {name: int(part[name].iloc[0]) for name in ("rank", "budget")} | {"variant": f"tau={tau:.2f}"}
        gap = crossed(_difference(mine["success"], success), clusters)
        return [
            crossed_record(base, "call_reduction_vs_full", saved),
            crossed_record(base, "success_difference_vs_full", gap, 100),
            *_at_margins({**base, "evaluation": "votes-no-loss"}, gap, settings.alpha),
        ]
    return []


def _difference(mine: pd.DataFrame, theirs: pd.DataFrame):
    ours_SE, other_SE = shared(mine, theirs)
    return ours_SE - other_SE


def _at_margins(base: Mapping[str, Any], gap: Crossed, alpha: float) -> list[dict[str, Any]]:
    found = []
    for margin in MARGINS:
        where = {**base, "variant": f"{base['variant']} margin={margin}".strip()}
        sizes = {"n": gap.episodes, "seeds": gap.trainings}
        found.append(new_record(where, "no_loss_p", gap.p_within(margin / 100), **sizes))
        found.append(new_record(where, "power_of_no_loss", gap.power_within(margin / 100, alpha), **sizes))
    where, sizes = {**base, "variant": base["variant"]}, {"n": gap.episodes, "seeds": gap.trainings}
    return [*found, new_record(where, "detectable_success_difference", 100 * gap.detectable(alpha), **sizes)]
