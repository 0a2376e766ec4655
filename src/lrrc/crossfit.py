"""Cross-fitted replay of one trained item: every episode is scored by the fold's fit that never saw it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lrrc import checkpoint, dataset, encoder, kept
from lrrc.config import Params
from lrrc.episodes import Episode, read_episodes
from lrrc.files import write_parquet
from lrrc.fitting import STATELESS, Inputs
from lrrc.model.batch import collate
from lrrc.model.losses import preferred
from lrrc.model.probe import Probe, collate_kept
from lrrc.policies import load_policy
from lrrc.policies.base import Policy
from lrrc.replay import SuccessRule, calibrate, longer_answer, rows_of


def replay_item(folder: Path, inputs: Inputs, params: Params, variant: str = "") -> list[dict[str, Any]]:
    """Rows of one item (a folder under models/), over all folds' test episodes."""
    torch.set_num_threads(1)
    config = checkpoint.read_config(folder)
    episodes = {e.episode_id: e for e in read_episodes(inputs.episodes)}
    splits = json.loads(inputs.splits.read_text())
    rule = SuccessRule(params.replay.tie_is_success, params.replay.bothbad_is_success)
    rows: list[dict[str, Any]] = []
    for fold, split in enumerate(splits["folds"]):
        policy = load_fitted(config["policy"], folder, f"fold-{fold}", inputs, params)
        wanted = [*split["val"], *split["test"]]
        trajectories = preferences(policy, folder, f"fold-{fold}", [episodes[i] for i in wanted], inputs)
        judged = [i for i in split["val"] if episodes[i].outcome and len(episodes[i].agents) == 2]
        tau = calibrate(
            [trajectories[i] for i in judged], [episodes[i].outcome or "" for i in judged], rule,
            params.replay.gate_margin,
        )  # fmt: skip
        labels = {
            "policy": config["policy"], "item": folder.name, "rank": config["rank"], "seed": config["seed"],
            "budget": policy.budget, "fold": fold, "variant": variant, "tau": float(tau) if np.isfinite(tau) else None,
        }  # fmt: skip
        for i in split["test"]:
            rows += rows_of(
                episodes[i], policy, trajectories[i], tau, rule, params.annotate.per_message_overhead, labels
            )  # fmt: skip
    return rows


def load_fitted(name: str, folder: Path, fit: str, inputs: Inputs, params: Params) -> Policy:
    """The policy as one fit of an item left it."""
    options = {"max_overlap": params.digest.max_overlap, "squeeze": params.digest.squeeze}
    if name == "lrrc" or name.endswith("-only"):
        return checkpoint.load_learned(name, params.budget, folder, inputs.encoder, fit=fit, **options)
    return load_policy(
        name, params.budget, encoder=inputs.encoder, turns=params.baseline.truncated_turns,
        max_segment_tokens=params.embed.max_segment_tokens, **options,
    )  # fmt: skip


@torch.inference_mode()
def preferences(
    policy: Policy, folder: Path, fit: str, episodes: Sequence[Episode], inputs: Inputs
) -> dict[str, np.ndarray]:
    """P(first agent better) - P(second better) after every turn, by episode id."""
    if policy.name in STATELESS:
        vectors = encoder.load(str(inputs.encoder))
        data = [kept.kept_of(episode, policy, vectors) for episode in episodes]
        probe = Probe(data[0].features_TPG.shape[2])
        checkpoint.load_weights(probe, folder / f"probe-{fit}.safetensors")
        logits_BTO = probe.eval()(collate_kept(data))
    else:
        arrays = {e.episode_id: e for e in dataset.load(inputs.segments)}
        chosen = [arrays[episode.episode_id] for episode in episodes]
        parts = [policy.net(collate(chosen[i : i + 32], 1, targets=False)) for i in range(0, len(chosen), 32)]
        longest = max(part.outcome_BTO.shape[1] for part in parts)
        logits_BTO = torch.cat(
            [torch.nn.functional.pad(p.outcome_BTO, (0, 0, 0, longest - p.outcome_BTO.shape[1])) for p in parts]
        )
    values_BT = preferred(logits_BTO).numpy()
    return {e.episode_id: values_BT[b, : len(e.turns)] for b, e in enumerate(episodes)}


def floor_rows(full: Sequence[dict[str, Any]], inputs: Inputs, params: Params) -> list[dict[str, Any]]:
    """What random picks and the longer answer reach, at Full-Context's cost (its ungated rows are given)."""
    episodes = {e.episode_id: e for e in read_episodes(inputs.episodes)}
    rule = SuccessRule(params.replay.tie_is_success, params.replay.bothbad_is_success)
    rows = []
    for old in full:
        episode = episodes[old["episode_id"]]
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


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Rows as parquet; the columns have the same types whatever is missing."""
    import pyarrow as pa

    write_parquet(path, pa.Table.from_pylist(list(rows), schema=_schema()))


def _schema():
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    return pa.schema(
        {
            "policy": text, "item": text, "rank": whole, "budget": whole, "seed": whole, "fold": whole, "variant": text,
            "tau": real, "episode_id": text, "language": text, "category": text, "gated": pa.bool_(), "calls": whole,
            "prompt_tokens": whole, "completion_tokens": whole, "total_tokens": whole, "reusable_prefix_tokens": whole,
            "digest_tokens": whole, "pick": text, "success": real,
        }
    )  # fmt: skip


def meta(inputs: Inputs, params: Params) -> dict[str, Any]:
    """What the rows were measured on, for every table and figure to say."""
    judges = {e.judge for e in read_episodes(inputs.episodes) if e.outcome}
    name = params.data.source if params.data.source != "files" else Path(params.data.path or "").stem
    return {"data": name, "judge": judges.pop() if len(judges) == 1 else None}
