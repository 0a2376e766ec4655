"""Cross-fitted replay of one trained item: every episode is scored by the fold's fit that never saw it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lrrc import checkpoint, dataset, digest, encoder, kept, tokens
from lrrc.config import LEARNED, Params
from lrrc.digest import Digest
from lrrc.engine import chunks, in_order
from lrrc.episode_file import open_episodes
from lrrc.episodes import Episode, Message
from lrrc.features import History
from lrrc.files import write_stream
from lrrc.fitting import STATELESS, Inputs
from lrrc.model.batch import collate
from lrrc.model.losses import preferred
from lrrc.model.probe import Probe, collate_kept
from lrrc.place import mixed
from lrrc.policies import load_policy
from lrrc.policies.base import Policy, Session
from lrrc.policies.learned import Learned
from lrrc.replay import SuccessRule, calibrate, longer_answer, rows_of
from lrrc.segment_file import open_segments

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 32
CHUNK = (
    16 * BATCH
)  # episodes of a task, whole batches: a smaller part is worked at once, a larger one in bounded memory
HELD = 3  # chunks that a worker keeps, as the next item wants them again


def replay(
    items: Mapping[Path, str], inputs: Inputs, params: Params
) -> Iterator[tuple[Path, Iterator[list[dict[str, Any]]]]]:
    """Every item (folder below models -> variant) with its rows over all folds' test episodes, chunk by chunk.

    Twice over the data: what the outcome heads prefer after every turn, from which each fold's call gate is set, then
    the rows. Between the two, memory holds a number per turn, item and episode.
    """
    folds = json.loads(inputs.splits.read_text())["folds"]
    judged = open_episodes(inputs.episodes).judged
    rule = success_rule(params)
    fits = [(folder, fold) for folder in items for fold in range(len(folds))]
    wanted = (
        (folder, fold, ids)
        for folder, fold in fits
        for ids in parts([*folds[fold]["val"], *folds[fold]["test"]])
    )  # fmt: skip
    gates, later = {}, {}
    work = partial(prefer, inputs=inputs, params=params)
    for fit, group in groupby(in_order(work, wanted, params.engine), key=lambda done: done[0][:2]):
        val, values = folds[fit[1]]["val"], [values_T for _, found in group for values_T in found]
        known = [(values_T, judged[i]) for values_T, i in zip(values, val, strict=False) if i in judged]
        gates[fit] = calibrate([v for v, _ in known], [o for _, o in known], rule, params.replay.gate_margin)
        held = values[len(val) :]
        later[fit] = np.concatenate(held) if held else np.zeros(0), np.cumsum([0, *map(len, held)])

    def tasks() -> Iterator[tuple]:
        for fit in fits:
            flat, ends = later[fit]
            first = 0
            for ids in parts(folds[fit[1]]["test"]):
                a, b = ends[first], ends[first + len(ids)]
                preferred = np.split(flat[a:b], ends[first + 1 : first + len(ids)] - a)
                yield *fit, ids, preferred, gates[fit], items[fit[0]]
                first += len(ids)

    done = in_order(partial(rows_at, inputs=inputs, params=params), tasks(), params.engine)
    for folder, group in groupby(done, key=lambda done: done[0][0]):
        yield folder, (rows for _, rows in group)


def parts(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ids of the tasks."""
    return (tuple(ids[a:b]) for a, b in chunks(len(ids), CHUNK))


def success_rule(params: Params) -> SuccessRule:
    return SuccessRule(params.replay.tie_is_success, params.replay.bothbad_is_success)


def prefer(folder: Path, fold: int, ids: tuple[str, ...], inputs: Inputs, params: Params) -> list[np.ndarray]:
    """What one fold's fit of an item prefers after every turn of some episodes."""
    torch.set_num_threads(1)
    name = checkpoint.read_config(folder)["policy"]
    return preferences(load_fitted(name, folder, f"fold-{fold}", inputs, params), folder, f"fold-{fold}", ids, inputs)


def rows_at(
    folder: Path, fold: int, ids: tuple[str, ...], preferred: Sequence[np.ndarray], tau: float, variant: str,
    inputs: Inputs, params: Params,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of one item over some test episodes of a fold."""
    torch.set_num_threads(1)
    config = checkpoint.read_config(folder)
    policy = load_fitted(config["policy"], folder, f"fold-{fold}", inputs, params)
    labels = {
        "policy": config["policy"], "item": checkpoint.item_name(folder), "rank": config["rank"],
        "seed": config["seed"], "budget": policy.budget, "fold": fold, "variant": variant,
        "tau": float(tau) if np.isfinite(tau) else None,
    }  # fmt: skip
    episodes, overhead, rows = episodes_of(inputs, ids), params.annotate.per_message_overhead, []
    fast = logged_sessions(policy, episodes, inputs)
    for episode, values_T, session in zip(episodes, preferred, fast, strict=True):
        rows += rows_of(episode, policy, values_T, tau, success_rule(params), overhead, labels, session)
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
        m = self.history.agent_number(agent)
        seen = self.before_T[self.turn]
        if not seen:
            return digest.EMPTY
        scores_N = mixed(self.scores_TMN[self.turn, m, :seen], self.history, agent, self.policy.prior)
        logits_V = self.logits_TMV[self.turn, m]
        return self.policy.write(self.history, scores_N, logits_V, self.standing_N[:seen])


@torch.inference_mode()
def logged_sessions(policy: Policy, episodes: Sequence[Episode], inputs: Inputs) -> Iterator[Session | None]:
    """A LoggedSession for each episode under a policy with a recurrent state; None under the others."""
    if policy.name in STATELESS:
        yield from (None for _ in episodes)
        return
    assert isinstance(policy, Learned)
    ids = tuple(episode.episode_id for episode in episodes)
    arrays, wholes = arrays_of(inputs, ids), histories(inputs, ids, policy.max_segment_tokens)
    for first in range(0, len(episodes), BATCH):
        output = policy.net(collate(arrays[first : first + BATCH], 1, targets=None))
        scores, logits = output.scores_BTMN.numpy(), output.essential_BTMV.numpy()
        standing = torch.sigmoid(output.standing_BN).numpy()
        for b, whole in enumerate(wholes[first : first + BATCH]):
            yield LoggedSession(policy, whole, scores[b], logits[b], standing[b])


def fold_of(splits: Path) -> dict[str, int]:
    """Episode id -> the fold whose fit never saw it."""
    return {i: fold for fold, split in enumerate(json.loads(splits.read_text())["folds"]) for i in split["test"]}


@functools.lru_cache(maxsize=HELD)
def episodes_of(inputs: Inputs, ids: tuple[str, ...]) -> list[Episode]:
    """Episodes by id, in order."""
    return open_episodes(inputs.episodes).of(ids)


@functools.lru_cache(maxsize=HELD)
def arrays_of(inputs: Inputs, ids: tuple[str, ...]) -> list[dataset.EpisodeArrays]:
    """Stored arrays by episode id, in order."""
    return list(open_segments(inputs.segments).of(ids))


@functools.lru_cache(maxsize=HELD)
def histories(inputs: Inputs, ids: tuple[str, ...], limit: int) -> list[History]:
    """The whole history of every episode, in order."""
    found, loaded = [], encoder.load(str(inputs.encoder))
    for episode in episodes_of(inputs, ids):
        history = History(episode.agents, loaded, limit)
        for turn in episode.turns:
            history.append([*turn.inputs, *turn.replies])
        found.append(history)
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
def preferences(policy: Policy, folder: Path, fit: str, ids: tuple[str, ...], inputs: Inputs) -> list[np.ndarray]:
    """P(first agent better) - P(second better) after every turn, for every episode in order."""
    if policy.name in STATELESS:
        vectors = encoder.load(str(inputs.encoder))
        data = [kept.kept_of(episode, policy, vectors) for episode in episodes_of(inputs, ids)]
        probe = Probe(data[0].features_TPG.shape[2])
        checkpoint.load_weights(probe, folder / f"probe-{fit}.safetensors")
        logits_BTO = probe.eval()(collate_kept(data))
        turns = [len(one.features_TPG) for one in data]
    else:
        chosen = arrays_of(inputs, ids)
        batches = [policy.net(collate(chosen[i : i + BATCH], 1, targets=None)) for i in range(0, len(chosen), BATCH)]
        longest = max(batch.outcome_BTO.shape[1] for batch in batches)
        logits_BTO = torch.cat(
            [torch.nn.functional.pad(b.outcome_BTO, (0, 0, 0, longest - b.outcome_BTO.shape[1])) for b in batches]
        )
        turns = [one.turns for one in chosen]
    values_BT = preferred(logits_BTO).numpy()
    return [values_BT[b, :count].copy() for b, count in enumerate(turns)]


def write_floors(full: Path, out: Path, inputs: Inputs, params: Params) -> None:
    """What random picks and the longer answer reach, at Full-Context's cost (its rows are in the file `full`)."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(full) as file:
        tasks = (
            ([row for row in batch.to_pylist() if not row["gated"]],) for batch in file.iter_batches(2 * CHUNK)
        )  # fmt: skip
        done = in_order(partial(floor_rows, inputs=inputs, params=params), tasks, params.engine)
        write_rows(out, (row for _, rows in done for row in rows))


def floor_rows(full: Sequence[dict[str, Any]], inputs: Inputs, params: Params) -> list[dict[str, Any]]:
    """The floors of the episodes of some ungated rows."""
    rule, rows = success_rule(params), []
    episodes = open_episodes(inputs.episodes).of([old["episode_id"] for old in full])
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
            "policy": text, "item": text, "rank": whole, "budget": whole, "seed": whole, "fold": whole, "variant": text,
            "tau": real, "episode_id": text, "language": text, "category": text, "gated": pa.bool_(), "calls": whole,
            "prompt_tokens": whole, "completion_tokens": whole, "total_tokens": whole, "reusable_prefix_tokens": whole,
            "digest_tokens": whole, "pick": text, "success": real,
        }
    )  # fmt: skip


def meta(inputs: Inputs, params: Params) -> dict[str, Any]:
    """What the rows were measured on, for every table and figure to say."""
    file = open_episodes(inputs.episodes)
    judges = {judge for judge, winner in zip(file.column("judge"), file.column("winner"), strict=True) if winner}
    name = params.data.source if params.data.source != "files" else Path(params.data.path or "").stem
    return {"data": name, "judge": judges.pop() if len(judges) == 1 else None}
