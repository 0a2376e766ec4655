"""The stage replay: every item over the episodes that its fits never saw, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode_file import open_episodes
from lrrc.evaluation.cross_fitting import BATCH, episodes_of, logged_sessions, outcome_preferences
from lrrc.evaluation.replay.call_gate import SuccessRule, calibrate_gate
from lrrc.evaluation.replay.rows import ReplayRules, longer_answer, rows_of
from lrrc.params import Params
from lrrc.policies import checkpoint
from lrrc.policies.base import Policy
from lrrc.policies.registry import load_policy
from lrrc.policies.run_items import item_name
from lrrc.policies.spec import PolicySpec
from lrrc.runtime.executor import chunks, map_in_order
from lrrc.runtime.files import write_stream

if TYPE_CHECKING:
    import pyarrow as pa


# episodes of a task, whole batches: a smaller part is worked at once, a larger one in bounded memory
CHUNK = 16 * BATCH


class FoldFit(NamedTuple):
    """An item's fit on one fold; `folder` is the item's."""

    folder: Path
    fold: int
    variant: str = ""

    @property
    def name(self) -> str:
        return f"fold-{self.fold}"

    def policy(self, inputs: StageInputs, params: Params) -> Policy:
        spec = PolicySpec.of(params, checkpoint.read_config(self.folder)["policy"])
        return load_policy(spec, inputs.encoder, self.folder, self.name)


def replay_items(
    items: Mapping[Path, str], inputs: StageInputs, params: Params
) -> Iterator[tuple[Path, Iterator[list[dict[str, Any]]]]]:
    """Every item (folder below models -> variant) with its rows over all folds' test episodes, chunk by chunk.

    Twice over the data: what the outcome heads prefer after every turn, from which each fold's call gate is set, then
    the rows. Between the two, memory holds a number per turn, item and episode.
    """
    folds = {folder: inputs.of(folder).folds() for folder in items}
    judged = open_episodes(inputs.episodes).judged
    rule = success_rule(params)

    def ids_of(fit: FoldFit) -> dict[str, list[str]]:
        return folds[fit.folder][fit.fold]

    fits = [FoldFit(folder, fold, variant) for folder, variant in items.items() for fold in range(len(folds[folder]))]
    wanted = ((fit, ids) for fit in fits for ids in id_chunks([*ids_of(fit)["val"], *ids_of(fit)["test"]]))
    gates, later = {}, {}
    work = partial(prefer, inputs=inputs, params=params)
    for fit, group in groupby(map_in_order(work, wanted, params.engine), key=lambda done: done[0][0]):
        val, values = ids_of(fit)["val"], [values_T for _, found in group for values_T in found]
        known = [(values_T, judged[i]) for values_T, i in zip(values, val, strict=False) if i in judged]
        if not checkpoint.head_beats_majority(fit.folder, fit.name):
            known = []  # a head that knows no more than which side wins more often opens no gate
        gates[fit] = calibrate_gate([v for v, _ in known], [o for _, o in known], rule, params.replay.gate_margin)
        held = values[len(val) :]
        later[fit] = np.concatenate(held) if held else np.zeros(0), np.cumsum([0, *map(len, held)])

    def tasks() -> Iterator[tuple]:
        for fit in fits:
            flat, ends = later[fit]
            first = 0
            for ids in id_chunks(ids_of(fit)["test"]):
                a, b = ends[first], ends[first + len(ids)]
                preferred = np.split(flat[a:b], ends[first + 1 : first + len(ids)] - a)
                yield fit, ids, preferred, gates[fit]
                first += len(ids)

    done = map_in_order(partial(rows_at, inputs=inputs, params=params), tasks(), params.engine)
    for folder, group in groupby(done, key=lambda done: done[0][0].folder):
        yield folder, (rows for _, rows in group)


def id_chunks(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ids of the tasks."""
    return (tuple(ids[a:b]) for a, b in chunks(len(ids), CHUNK))


def success_rule(params: Params) -> SuccessRule:
    return SuccessRule(params.replay.tie_is_success, params.replay.bothbad_is_success)


def prefer(fit: FoldFit, ids: tuple[str, ...], inputs: StageInputs, params: Params) -> list[np.ndarray]:
    """What one fold's fit of an item prefers after every turn of some episodes."""
    torch.set_num_threads(1)
    return outcome_preferences(fit.policy(inputs, params), fit.folder, fit.name, ids, inputs)


def rows_at(
    fit: FoldFit,
    ids: tuple[str, ...],
    preferred: Sequence[np.ndarray],
    tau: float,
    inputs: StageInputs,
    params: Params,
) -> list[dict[str, Any]]:
    """Rows of one item over some test episodes of a fold."""
    torch.set_num_threads(1)
    config, policy = checkpoint.read_config(fit.folder), fit.policy(inputs, params)
    labels = {
        "policy": config["policy"],
        "item": item_name(fit.folder),
        "rank": config["rank"],
        "seed": config["seed"],
        "budget": policy.spec.budget,
        "fold": fit.fold,
        "variant": fit.variant,
        "tau": float(tau) if np.isfinite(tau) else None,
    }
    rules = ReplayRules(success_rule(params), params.annotate.per_message_overhead)
    episodes, rows = episodes_of(inputs, ids), []
    fast = logged_sessions(policy, episodes, inputs)
    for episode, values_T, session in zip(episodes, preferred, fast, strict=True):
        rows += rows_of(episode, policy, values_T, tau, rules, labels, session)
    return rows


def write_floors(full: Path, out: Path, inputs: StageInputs, params: Params) -> None:
    """What random picks and the longer answer reach, at Full-Context's cost (its rows are in the file `full`)."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(full) as file:
        tasks = (([row for row in batch.to_pylist() if not row["gated"]],) for batch in file.iter_batches(2 * CHUNK))
        done = map_in_order(partial(floor_rows, inputs=inputs, params=params), tasks, params.engine)
        write_rows(out, (row for _, rows in done for row in rows))


def floor_rows(full: Sequence[dict[str, Any]], inputs: StageInputs, params: Params) -> list[dict[str, Any]]:
    """The floors of the episodes of some ungated rows."""
    rule, rows = success_rule(params), []
    episodes = open_episodes(inputs.episodes).by_ids([old["episode_id"] for old in full])
    for old, episode in zip(full, episodes, strict=True):
        if episode.outcome is None or len(episode.agents) != 2:
            continue
        # the expectation over both picks, not one draw
        random_pick = (rule.success(0, episode.outcome) + rule.success(1, episode.outcome)) / 2
        longer = longer_answer(episode)
        for name, success, pick in (
            ("random-pick", random_pick, None),
            ("longer-answer", int(rule.success(longer, episode.outcome)), episode.agents[longer]),
        ):
            rows.append({**old, "policy": name, "item": "", "success": success, "pick": pick, "tau": None})
    return rows


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Rows as parquet; the columns have the same types whatever is missing. Returns how many there are."""
    return write_stream(path, rows, _schema())


def _schema() -> pa.Schema:
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    return pa.schema(
        {
            "policy": text,
            "item": text,
            "rank": whole,
            "budget": whole,
            "seed": whole,
            "fold": whole,
            "variant": text,
            "tau": real,
            "episode_id": text,
            "language": text,
            "category": text,
            "gated": pa.bool_(),
            "calls": whole,
            "prompt_tokens": whole,
            "completion_tokens": whole,
            "total_tokens": whole,
            "reusable_prefix_tokens": whole,
            "digest_tokens": whole,
            "pick": text,
            "success": real,
        }
    )
