"""Cross-fitted replay of one trained item: every episode is scored by the fold's fit that never saw it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lrrc.dataset.array_file import open_arrays
from lrrc.dataset.batches import collate, collate_kept
from lrrc.dataset.episode_arrays import EpisodeArrays
from lrrc.dataset.inputs import StageInputs
from lrrc.digest.features import asked_weights
from lrrc.digest.history import History
from lrrc.digest.place_prior import mix_with_prior
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.episodes.episode import Episode, Message
from lrrc.episodes.episode_file import open_episodes
from lrrc.model.outcome import preferred
from lrrc.model.outcome_probe import OutcomeProbe
from lrrc.params import Params
from lrrc.policies import checkpoint
from lrrc.policies.base import Policy, Session
from lrrc.policies.learned import Learned
from lrrc.policies.scoring import ScoredHistory
from lrrc.policy_catalogue import STATELESS
from lrrc.pretrained import sentence_encoder, tokens
from lrrc.training.kept_features import kept_features

BATCH = 32
HELD = 3  # chunks that a worker keeps, as the next item wants them again


class LoggedSession(Session):
    """A session over an episode that is known to its end: segments once per episode, scores from the batched forward.

    It sends what the policy's own session would send (tested), at a fraction of the time.
    """

    policy: Learned

    def __init__(self, policy: Learned, whole: History, scores_TMN: np.ndarray, logits_TMV: np.ndarray):
        self.policy, self.history, self.tokens_before = policy, whole, [0]
        self.scores_TMN, self.logits_TMV, self.turn = scores_TMN, logits_TMV, 0
        self.before_T = np.searchsorted(whole.turn, np.arange(whole.turns))  # segments before each turn

    def observe(self, messages: Sequence[Message]) -> None:
        self.count(tokens.count_batch([message.content for message in messages]))
        self.turn += 1

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        m, share = self.history.agent_number(agent), self.policy.spec.rules.prior
        seen = self.before_T[self.turn]
        if not seen:
            return EMPTY_DIGEST
        scores_N = self.unsent(self.scores_TMN[self.turn, m, :seen], sent)
        scores_N = mix_with_prior(scores_N, self.history, agent, share, asked_weights(inputs))
        scored = ScoredHistory(self.history, scores_N, self.logits_TMV[self.turn, m])
        return self.policy.write(scored, budget or 0)


@torch.inference_mode()
def logged_sessions(policy: Policy, episodes: Sequence[Episode], inputs: StageInputs) -> Iterator[Session | None]:
    """A LoggedSession for each episode under a policy with a recurrent state; None under the others."""
    if policy.name in STATELESS:
        yield from (None for _ in episodes)
        return
    assert isinstance(policy, Learned)
    ids = tuple(episode.episode_id for episode in episodes)
    arrays, wholes = arrays_of(inputs, ids), histories(inputs, ids, policy.spec.max_segment_tokens)
    for first in range(0, len(episodes), BATCH):
        output = policy.net(collate(arrays[first : first + BATCH], 1, targets=None))
        scores, logits = output.scores_BTMN.numpy(), output.essential_BTMV.numpy()
        for b, whole in enumerate(wholes[first : first + BATCH]):
            yield LoggedSession(policy, whole, scores[b], logits[b])


@functools.lru_cache(maxsize=HELD)
def episodes_of(inputs: StageInputs, ids: tuple[str, ...]) -> list[Episode]:
    """Episodes by id, in order."""
    return open_episodes(inputs.episodes).by_ids(ids)


@functools.lru_cache(maxsize=HELD)
def arrays_of(inputs: StageInputs, ids: tuple[str, ...]) -> list[EpisodeArrays]:
    """Stored arrays by episode id, in order."""
    return list(open_arrays(inputs.segments).by_ids(ids))


@functools.lru_cache(maxsize=HELD)
def histories(inputs: StageInputs, ids: tuple[str, ...], limit: int) -> list[History]:
    """The whole history of every episode, in order."""
    found, loaded = [], sentence_encoder.load(str(inputs.encoder))
    for episode in episodes_of(inputs, ids):
        history = History(episode.agents, loaded, limit)
        for turn in episode.turns:
            history.append([*turn.inputs, *turn.replies])
        found.append(history)
    return found


@torch.inference_mode()
def outcome_preferences(
    policy: Policy, folder: Path, fit: str, ids: tuple[str, ...], inputs: StageInputs
) -> list[np.ndarray]:
    """P(first agent better) - P(second better) after every turn, for every episode in order."""
    if policy.name in STATELESS:
        vectors = sentence_encoder.load(str(inputs.encoder))
        data = [kept_features(episode, policy, vectors) for episode in episodes_of(inputs, ids)]
        form = checkpoint.read_config(folder)["model"].form
        probe = OutcomeProbe(data[0].features_TPG.shape[2], form)
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


def data_provenance(inputs: StageInputs, params: Params) -> dict[str, Any]:
    """What the rows were measured on, for every table and figure to say."""
    file = open_episodes(inputs.episodes)
    judges = {judge for judge, winner in zip(file.column("judge"), file.column("winner"), strict=True) if winner}
    name = params.data.source if params.data.source != "files" else Path(params.data.path or "").stem
    return {"data": name, "judge": judges.pop() if len(judges) == 1 else None}
