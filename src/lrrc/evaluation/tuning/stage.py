"""The stage tune: every policy under every setting on each fold's validation episodes, and what is chosen."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.dataset.calls import load_gains
from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode_file import open_episodes
from lrrc.evaluation.tuning.captured import area, held, valued_calls, worth
from lrrc.evaluation.tuning.trials import stops, trials
from lrrc.params import Params
from lrrc.policies.registry import load_policy, with_settings
from lrrc.policies.run_items import policy_folder
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import LEARNED
from lrrc.runtime.files import rounded, write_json
from lrrc.runtime.workers import map_as_completed


def tuned_policies(params: Params) -> list[str]:
    """The policies that the live evaluation or fidelity compare and that have settings; learned ones where trained."""
    named = dict.fromkeys((*params.live.policies, *params.fidelity.policies))
    return [p for p in named if trials(p) and (p not in LEARNED or p in params.baseline.policies)]


def tune(models: Path, inputs: StageInputs, stored: Path, params: Params, out: Path) -> None:
    """Write {"trials": a row each, "chosen": for every fold {policy: settings}} to `out`.

    A fold's test episodes play no part in what is chosen for it. Where no gains are stored, nothing is chosen.
    """
    folds = inputs.folds()
    tasks = [(policy, fold) for policy in tuned_policies(params) for fold in range(len(folds))]
    work = partial(_task, models=models, inputs=inputs, stored=stored, params=params)
    done: dict[tuple, list[dict[str, Any]]] = {}
    for number, (task, rows) in enumerate(map_as_completed(work, tasks), 1):
        done[task] = rows
        calls = rows[0]["calls"] if rows else 0
        print(f"tune {number}/{len(tasks)}: {task[0]}, fold {task[1]}, {calls} calls", flush=True)
    chosen: list[dict[str, dict]] = [{} for _ in folds]
    for policy, fold in tasks:
        if done[policy, fold]:  # the first of equals, which are the parameters' own
            chosen[fold][policy] = max(done[policy, fold], key=lambda row: row["area"])["settings"]
    write_json(out, {"trials": [row for task in tasks for row in done[task]], "chosen": chosen})


def _task(
    name: str, fold: int, models: Path, inputs: StageInputs, stored: Path, params: Params
) -> list[dict[str, Any]]:
    """A row for every trial of a policy on the validation episodes of a fold."""
    import torch

    torch.set_num_threads(1)
    folder = models / policy_folder(name, params.rank, params.seeds[0])
    policy = load_policy(PolicySpec.of(params, name), inputs.encoder, folder, f"fold-{fold}")
    tried, points = trials(name), stops(name, params.tune)
    variants = [[with_settings(policy, {**settings, **stop}) for stop in points] for settings in tried]
    cost, gain, calls = np.zeros((len(tried), len(points))), np.zeros((len(tried), len(points))), 0
    episodes = open_episodes(inputs.episodes).by_ids(inputs.folds()[fold]["val"])
    for call in valued_calls(policy, episodes, load_gains(stored)):
        calls, ranked = calls + 1, {}
        history = call.session.history
        for i, curve in enumerate(variants):
            for j, other in enumerate(curve):
                key = other.spec.query, other.spec.bm25, other.spec.rules.prior  # what scores depend on
                if key not in ranked:
                    ranked[key] = call.session.under(other).ranked(call.inputs, call.agent)
                sent = call.session.or_whole(other.write(ranked[key], params.budget))
                cost[i, j] += sent.tokens
                gain[i, j] += worth(history, held(history, sent), call.gains_N, params.digest.max_overlap)
    return [
        {
            "policy": name,
            "fold": fold,
            "settings": settings,
            "calls": calls,
            "points": [
                {**stop, "tokens": rounded(x / calls), "nats": rounded(y / calls)}
                for stop, x, y in zip(points, cost[i], gain[i], strict=True)
            ],
            "area": rounded(area(cost[i] / calls, gain[i] / calls, params.budget)),
        }
        for i, settings in enumerate(tried)
        if calls
    ]
