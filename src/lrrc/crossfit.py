"""Cross-fitted replay of one trained item: every episode is scored by the fold's fit that never saw it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lrrc import checkpoint, dataset, digest, encoder, kept, tokens
from lrrc.config import LEARNED, Params
from lrrc.digest import Digest
from lrrc.episodes import Episode, Message, read_episodes
from lrrc.features import History
from lrrc.files import write_parquet
from lrrc.fitting import STATELESS, Inputs
from lrrc.model.batch import collate
from lrrc.model.losses import preferred
from lrrc.model.probe import Probe, collate_kept
from lrrc.policies import load_policy
from lrrc.policies.base import Policy, Session
from lrrc.policies.learned import Learned
from lrrc.replay import SuccessRule, calibrate, longer_answer, rows_of

BATCH = 32


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
        fast = logged_sessions(policy, [episodes[i] for i in split["test"]], inputs)
        for i, session in zip(split["test"], fast, strict=True):
            rows += rows_of(
                episodes[i], policy, trajectories[i], tau, rule, params.annotate.per_message_overhead, labels, session
            )  # fmt: skip
    return rows


class LoggedSession(Session):
    """A session over an episode that is known to its end: segments once per episode, scores from the batched forward.

    It sends what the policy's own session would send (tested), at a fraction of the time.
    """

    policy: Learned

    def __init__(
        self, policy: Learned, whole: History, scores_TMN: np.ndarray, logits_TMV: np.ndarray, standing_N: np.ndarray
    ):
        self.policy, self.history, self.message_tokens = policy, whole, []
        self.scores_TMN, self.logits_TMV, self.standing_N, self.turn = scores_TMN, logits_TMV, standing_N, 0
        self.before_T = np.searchsorted(whole.turn, np.arange(whole.turns))  # segments before each turn

    def observe(self, messages: Sequence[Message]) -> None:
        self.message_tokens += tokens.count_batch([message.content for message in messages])
        self.turn += 1

    def select(self, inputs: Sequence[Message], agent: str) -> Digest:
        m = self.history.agents.index(agent) if agent in self.history.agents else 0
        seen = self.before_T[self.turn]
        if not seen:
            return digest.EMPTY
        scores_N, logits_V = self.scores_TMN[self.turn, m, :seen], self.logits_TMV[self.turn, m]
        return self.policy.write(self.history, scores_N, logits_V, self.standing_N[:seen])


@torch.inference_mode()
def logged_sessions(policy: Policy, episodes: Sequence[Episode], inputs: Inputs) -> Iterator[Session | None]:
    """A LoggedSession for each episode under a policy with a recurrent state; None under the others."""
    if policy.name in STATELESS:
        yield from (None for _ in episodes)
        return
    assert isinstance(policy, Learned)
    arrays = arrays_of(inputs.segments)
    wholes = histories(inputs.episodes, inputs.encoder, policy.max_segment_tokens)
    for first in range(0, len(episodes), BATCH):
        part = episodes[first : first + BATCH]
        output = policy.net(collate([arrays[e.episode_id] for e in part], 1, targets=None))
        scores, logits = output.scores_BTMN.numpy(), output.essential_BTMV.numpy()
        standing = torch.sigmoid(output.standing_BN).numpy()
        for b, episode in enumerate(part):
            yield LoggedSession(policy, wholes[episode.episode_id], scores[b], logits[b], standing[b])


def fold_of(splits: Path) -> dict[str, int]:
    """Episode id -> the fold whose fit never saw it."""
    return {i: fold for fold, split in enumerate(json.loads(splits.read_text())["folds"]) for i in split["test"]}


@functools.lru_cache(maxsize=1)
def arrays_of(path: Path) -> dict[str, dataset.EpisodeArrays]:
    """Stored arrays by episode id; a worker that replays several items reads them once."""
    return {e.episode_id: e for e in dataset.load(path)}


@functools.lru_cache(maxsize=1)
def histories(path: Path, vectors: Path, limit: int) -> dict[str, History]:
    """The whole history of every episode, by id."""
    found, loaded = {}, encoder.load(str(vectors))
    for episode in read_episodes(path):
        history = History(episode.agents, loaded, limit)
        for turn in episode.turns:
            history.append([*turn.inputs, *turn.replies])
        found[episode.episode_id] = history
    return found


def load_fitted(name: str, folder: Path | None, fit: str, inputs: Inputs, params: Params) -> Policy:
    """The policy as one fit of an item left it; one that is not trained needs no `folder`."""
    options = asdict(params.digest)
    if name == "lrrc" or name in LEARNED:
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
        arrays = arrays_of(inputs.segments)
        chosen = [arrays[episode.episode_id] for episode in episodes]
        parts = [policy.net(collate(chosen[i : i + BATCH], 1, targets=None)) for i in range(0, len(chosen), BATCH)]
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
