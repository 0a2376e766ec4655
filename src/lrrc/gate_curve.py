"""The call gate at thresholds of every size: calls and preference success on held-out episodes (method section 3.9).

At a threshold tau the agent that the outcome head prefers is called alone from the turn on after which its confidence
reaches tau. The replay itself uses the tau that was calibrated on validation episodes; this is the curve around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrrc import checkpoint, stats
from lrrc.config import Params
from lrrc.engine import in_order
from lrrc.episode_file import open_episodes
from lrrc.files import write_stream
from lrrc.replay import gate_turn, pick_at
from lrrc.summary import new_record

if TYPE_CHECKING:
    from lrrc.fitting import Inputs
    from lrrc.records import Source

TAUS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
FILE = "gate/curve.parquet"  # below results/replay


def gate_rows(folder: Path, fold: int, ids: tuple[str, ...], inputs: Inputs, params: Params) -> list[dict[str, Any]]:
    """Calls and success of some judged two-agent episodes at every threshold, by the fit that never saw them."""
    from lrrc import crossfit

    rule, config, rows = crossfit.success_rule(params), checkpoint.read_config(folder), []
    trajectories = crossfit.prefer(folder, fold, ids, inputs, params)
    for episode, sure_T in zip(crossfit.episodes_of(inputs, ids), trajectories, strict=True):
        replies = [len(turn.replies) for turn in episode.turns]
        for tau in TAUS:
            turn = gate_turn(sure_T, tau)
            alone = 0 if turn is None else sum(min(1, n) for n in replies[turn + 1 :])
            both = sum(replies if turn is None else replies[: turn + 1])
            rows.append(
                {
                    "rank": config["rank"], "seed": config["seed"], "budget": params.budget, "tau": tau,
                    "episode_id": episode.episode_id, "calls": float(both + alone),
                    "success": float(rule.success(pick_at(sure_T, turn), episode.outcome or "")),
                }
            )  # fmt: skip
    return rows


def write_curve(models: Path, out: Path, inputs: Inputs, params: Params) -> None:
    """The curve of the coordinator at the operating rank, all seeds, into out/gate/curve.parquet."""
    import pyarrow as pa

    from lrrc import crossfit

    judged = open_episodes(inputs.episodes).judged
    folds = json.loads(inputs.splits.read_text())["folds"]
    tasks = (
        (models / f"train-r{params.rank}-s{seed}", fold, ids)
        for seed in params.seeds
        for fold, split in enumerate(folds)
        for ids in crossfit.parts([i for i in split["test"] if i in judged])
    )
    done = in_order(partial(gate_rows, inputs=inputs, params=params), tasks, params.engine)
    real, whole = pa.float64(), pa.int64()
    schema = pa.schema({"rank": whole, "seed": whole, "budget": whole, "tau": real, "episode_id": pa.string(),
                        "calls": real, "success": real})  # fmt: skip
    write_stream(out / FILE, (row for _, rows in done for row in rows), schema)


def gate_records(replay: Path, source: Source) -> list[dict[str, Any]]:
    """Records call-gate: calls per episode and preference success, one variant `tau=0.10` per threshold."""
    rows = pd.read_parquet(Path(replay) / FILE)
    records = []
    for tau, part in rows.groupby("tau"):
        first: Mapping[str, Any] = part.iloc[0]
        base = {"evaluation": "call-gate", **asdict(source), "policy": "lrrc", "rank": int(first["rank"]),
                "budget": int(first["budget"]), "variant": f"tau={tau:.2f}"}  # fmt: skip
        means = part.groupby("episode_id")[["calls", "success"]].mean()
        sizes = {"n": len(means), "seeds": part["seed"].nunique()}
        for metric, column in (("calls_per_episode", "calls"), ("preference_success", "success")):
            records.append(new_record(base, metric, *stats.t_interval(means[column].to_numpy()), **sizes))
    return records
