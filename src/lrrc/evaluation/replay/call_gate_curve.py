"""The call gate at thresholds of every size: calls and preference success on held-out episodes (docs/method.md 3.9).

At a threshold tau the agent that the outcome head prefers is called alone from the turn on after which its confidence
reaches tau. The replay itself uses the tau that was calibrated on validation episodes; this is the curve around it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.episodes.episode_file import open_episodes
from lrrc.evaluation.cross_fitting import episodes_of
from lrrc.evaluation.replay.call_gate import gate_turn, pick_at
from lrrc.evaluation.replay.stage import FoldFit, id_chunks, prefer, success_rule
from lrrc.params import Params
from lrrc.policies import checkpoint
from lrrc.policies.run_items import train_name
from lrrc.runtime.executor import map_in_order
from lrrc.runtime.files import write_stream

if TYPE_CHECKING:
    from lrrc.dataset.inputs import StageInputs


TAUS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
FILE = "gate/curve.parquet"  # below results/replay


def gate_rows(fit: FoldFit, ids: tuple[str, ...], inputs: StageInputs, params: Params) -> list[dict[str, Any]]:
    """Calls and success of some judged two-agent episodes at every threshold, by the fit that never saw them."""
    rule, config, rows = success_rule(params), checkpoint.read_config(fit.folder), []
    trajectories = prefer(fit, ids, inputs, params)
    for episode, sure_T in zip(episodes_of(inputs, ids), trajectories, strict=True):
        replies = [len(turn.replies) for turn in episode.turns]
        for tau in TAUS:
            turn = gate_turn(sure_T, tau)
            alone = 0 if turn is None else sum(min(1, n) for n in replies[turn + 1 :])
            both = sum(replies if turn is None else replies[: turn + 1])
            rows.append(
                {
                    "rank": config["rank"],
                    "seed": config["seed"],
                    "budget": params.budget,
                    "tau": tau,
                    "episode_id": episode.episode_id,
                    "calls": float(both + alone),
                    "success": float(rule.success(pick_at(sure_T, turn), episode.outcome or "")),
                }
            )
    return rows


def write_curve(models: Path, out: Path, inputs: StageInputs, params: Params) -> None:
    """The curve of the coordinator at the operating rank, all seeds, into out/gate/curve.parquet."""
    import pyarrow as pa

    judged = open_episodes(inputs.episodes).judged
    tasks = (
        (FoldFit(models / train_name(params.rank, seed), fold), ids)
        for seed in params.seeds
        for fold, split in enumerate(inputs.folds())
        for ids in id_chunks([i for i in split["test"] if i in judged])
    )
    done = map_in_order(partial(gate_rows, inputs=inputs, params=params), tasks, params.engine)
    real, whole = pa.float64(), pa.int64()
    schema = pa.schema(
        {
            "rank": whole,
            "seed": whole,
            "budget": whole,
            "tau": real,
            "episode_id": pa.string(),
            "calls": real,
            "success": real,
        }
    )
    write_stream(out / FILE, (row for _, rows in done for row in rows), schema)
