"""The stage fidelity: every policy on the run's own data (by the fit that never saw it) and on further files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc import crossfit, fidelity, lm, stats
from lrrc.config import WHOLE, Params
from lrrc.engine import in_order, shared
from lrrc.episodes import iter_episodes
from lrrc.fidelity import REFERENCE
from lrrc.files import write_json, write_parquet
from lrrc.fitting import Inputs
from lrrc.records import Settings, adjust, details
from lrrc.summary import new_record

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def run(models: Path, inputs: Inputs, model: Path, params: Params, out: Path) -> None:
    """Evaluate and write out/rows.parquet and out/meta.json (data set -> judge)."""
    import pyarrow as pa

    own = crossfit.meta(inputs, params)
    judges = {own["data"]: own["judge"]}
    tasks = [(own["data"], inputs.episodes, policy, fold) for policy in _names(params) for fold in _folds(inputs)]
    for file in params.fidelity.files:
        found = {e.judge for e in iter_episodes(file) if e.outcome}
        judges[Path(file).stem] = found.pop() if len(found) == 1 else None
        tasks += [(Path(file).stem, shared(file), policy, None) for policy in _names(params)]
    rows: list[dict[str, Any]] = []
    work = partial(_task, models=models, inputs=inputs, model=model, params=params)
    for number, ((data, _, policy, _), found) in enumerate(in_order(work, tasks, params.engine), 1):
        rows += found
        print(f"fidelity {number}/{len(tasks)}: {policy} on {data}", flush=True)
    rows.sort(key=lambda r: tuple(str(r[k]) for k in ("data", "policy", "seed", "episode_id", "turn", "agent")))
    write_parquet(out / "rows.parquet", pa.Table.from_pylist(rows, schema=schema()))
    write_json(out / "meta.json", {"judges": judges, "agent": lm.NAME})


def schema() -> pa.Schema:
    """Columns of results/fidelity/rows.parquet."""
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    return pa.schema({"data": text, "policy": text, "rank": whole, "budget": whole, "seed": whole, "episode_id": text,
                      "turn": whole, "agent": text, "nats": real, "tokens": whole})  # fmt: skip


def _names(params: Params) -> list[str]:
    return [REFERENCE, *(name for name in params.fidelity.policies if name != REFERENCE)]


def _folds(inputs: Inputs) -> range:
    return range(len(json.loads(inputs.splits.read_text())["folds"]))


def _task(
    data: str, path: Path, name: str, fold: int | None, models: Path, inputs: Inputs, model: Path, params: Params
) -> list[dict[str, Any]]:
    """Rows of one policy on one data set, or on the part of it that one fold's fit never saw."""
    import torch

    torch.set_num_threads(1)
    settings, folds = params.fidelity, crossfit.fold_of(inputs.splits)
    episodes = (e for e in iter_episodes(path) if fold is None or folds.get(e.episode_id) == fold)
    targets = fidelity.draw(episodes, settings.calls // (1 if fold is None else len(_folds(inputs))), settings.seed)
    if not targets:
        return []
    seed = params.seeds[0]
    folder = models / (f"train-r{params.rank}-s{seed}" if name == "lrrc" else f"baseline-{name}-s{seed}")
    fit, known = ("main", params.elsewhere) if fold is None else (f"fold-{fold}", params)
    policy = crossfit.load_fitted(name, folder, fit, inputs, known)
    rank = params.rank if name == "lrrc" else None
    labels = {policy.name: {"data": data, "rank": rank, "seed": seed}}
    rows = fidelity.measure(lm.load(str(model)), targets, [policy], settings.reply_tokens, labels)
    return [{**row, "budget": None if name in WHOLE else row["budget"]} for row in rows]


def read_fidelity(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Records of what the stage fidelity wrote: extra nats over Full-Context, tokens, LRRC against every policy."""
    import pandas as pd

    rows = pd.read_parquet(Path(folder) / "rows.parquet")
    meta = json.loads((Path(folder) / "meta.json").read_text(encoding="utf-8"))
    records = []
    for data, part in rows.groupby("data"):
        records += _records(part, {"data": str(data), "judge": meta["judges"][data]})
    adjust(records)
    return [{**record, "agent": meta["agent"]} for record in records]


def _records(rows: pd.DataFrame, source: Mapping[str, Any]) -> list[dict[str, Any]]:
    place = ["episode_id", "turn", "agent"]
    nats = {policy: part.set_index(place)["nats"].sort_index() for policy, part in rows.groupby("policy")}
    whole, ours, records = nats[REFERENCE], nats.get("lrrc"), []
    for policy, part in rows.groupby("policy"):
        first = part.iloc[0]
        numbers = {key: None if np.isnan(first[key]) else int(first[key]) for key in ("rank", "budget")}
        base = {"evaluation": "fidelity", **source, "policy": str(policy), **numbers, "variant": ""}
        sizes = {"n": len(part), "seeds": 1}
        cost = stats.t_interval(part["tokens"].to_numpy())
        records.append(new_record(base, "fidelity_tokens_per_call", *cost, **sizes))
        if len(part) < 2:
            continue  # nothing to test
        if policy != REFERENCE:
            records.append(_paired(base, "nats_over_full_context", nats[policy], whole, sizes))
        if ours is not None and policy != "lrrc":
            records.append(_paired(base, "lrrc_fidelity_minus_policy", ours, nats[policy], sizes))
    return records


def _paired(base: Mapping, metric: str, a: Sequence, b: Sequence, sizes: Mapping) -> dict[str, Any]:
    test = stats.paired(np.asarray(a), np.asarray(b))
    return new_record(base, metric, *test.difference, test=details(test), **sizes)
