"""The call gate at thresholds of every size: calls and preference success on held-out episodes (method section 3.9).

At a threshold tau the agent that the outcome head prefers is called alone from the turn on after which its confidence
reaches tau. The replay itself uses the tau that was calibrated on validation episodes; this is the curve around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrrc import stats
from lrrc.config import Params
from lrrc.episodes import read_episodes
from lrrc.files import write_parquet
from lrrc.replay import SuccessRule, gate_turn, pick_at
from lrrc.summary import new_record

if TYPE_CHECKING:
    from lrrc.fitting import Inputs
    from lrrc.records import Source

TAUS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
FILE = "gate/curve.parquet"  # below results/replay


def gate_rows(folder: Path, inputs: Inputs, params: Params) -> list[dict[str, Any]]:
    """Calls and success of every judged two-agent episode at every threshold, by the fit that never saw it."""
    from lrrc import crossfit

    episodes = {e.episode_id: e for e in read_episodes(inputs.episodes)}
    rule = SuccessRule(params.replay.tie_is_success, params.replay.bothbad_is_success)
    config = json.loads((folder / "config.json").read_text())
    rows = []
    for fold, split in enumerate(json.loads(inputs.splits.read_text())["folds"]):
        judged = [episodes[i] for i in split["test"] if episodes[i].outcome and len(episodes[i].agents) == 2]
        if not judged:
            continue
        policy = crossfit.load_fitted(config["policy"], folder, f"fold-{fold}", inputs, params)
        trajectories = crossfit.preferences(policy, folder, f"fold-{fold}", judged, inputs)
        for episode in judged:
            sure_T = trajectories[episode.episode_id]
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

    folders = [models / f"train-r{params.rank}-s{seed}" for seed in params.seeds]
    rows = [row for folder in folders for row in gate_rows(folder, inputs, params)]
    real, whole = pa.float64(), pa.int64()
    schema = pa.schema({"rank": whole, "seed": whole, "budget": whole, "tau": real, "episode_id": pa.string(),
                        "calls": real, "success": real})  # fmt: skip
    write_parquet(out / FILE, pa.Table.from_pylist(rows, schema=schema))


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
