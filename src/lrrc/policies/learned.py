"""Policies with a trained network: LRRC and the component baselines (docs/method.md 3 and 4).

A session keeps the shared state and steps it once per turn, so the cost of a turn depends on that turn's text alone;
training and replay run the same network over whole episodes at once (tested equal).
Shape suffixes: N segments so far, n of one turn, C columns of the state, D state width, H head width, V buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lrrc.digest import segments
from lrrc.digest.features import Query
from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import History, PendingTurns
from lrrc.digest.place_prior import mix_with_place
from lrrc.digest.segments import word_bucket
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import DigestRules, write_digest
from lrrc.episodes.episode import Message
from lrrc.model.network import CoordinatorNetwork, relations
from lrrc.policies.base import Policy, Session
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.sentence_encoder import SentenceEncoder


def essential_weight(logits_V: np.ndarray) -> Callable[[str], float]:
    """Weight of a word for squeezing: how much it says in general, and how likely it is wanted in the turn to come."""
    shifted = np.exp(logits_V - logits_V.max())
    lift_V = np.minimum(1.0, shifted / shifted.sum() * len(logits_V) / 10)

    def weight(word: str) -> float:
        return segments.word_weight(word) + float(lift_V[word_bucket(word) % len(lift_V)])

    return weight


class LearnedSession(Session):
    policy: Learned

    def __init__(self, policy: Learned, agents: Sequence[str]):
        super().__init__(policy, agents)
        self.net = policy.net
        self.state_1CD = self.net.initial(1)
        self.projected_NH = GrowingRows(self.net.decoder.segment.out_features)

    @torch.inference_mode()
    def step(self, new: PendingTurns) -> None:
        state_1CD, projected = self.state_1CD, []
        before = len(self.history.segments)
        for first, last in new.bounds:
            if first == last:
                continue
            # turn by turn: a product's last bits depend on how many rows it has
            here = slice(first - before, last - before)
            embeddings = torch.from_numpy(new.embeddings_nE[here])[None]
            z_1nZ = self.net.encode(embeddings, torch.tensor(new.speaker[here])[None])
            mask_1n = torch.ones(z_1nZ.shape[:2], dtype=torch.bool)
            state_1CD, _ = self.net.step(state_1CD, *self.net.project(z_1nZ), mask_1n)
            projected_1nH = self.net.decoder.project(z_1nZ, torch.zeros_like(mask_1n, dtype=torch.long), 1)
            projected.append(projected_1nH[0].numpy())
        self.state_1CD = state_1CD
        for projected_nH in projected:
            self.projected_NH.extend(projected_nH)

    @torch.inference_mode()
    def scores(self, inputs: Sequence[Message], agent: str) -> tuple[np.ndarray, np.ndarray]:
        """Segment scores [N] and logits of essential words [V] for a call of `agent`."""
        query = Query.of(inputs, self.history.encoder)
        m = self.history.agent_number(agent)
        p_1MH = self.net.head(self.state_1CD, torch.from_numpy(query.embedding_E)[None], m + 1)
        features_11NF = torch.from_numpy(self.history.features(query))[None, None]
        relation_1MN = relations(torch.tensor(self.history.speaker, dtype=torch.long)[None], m + 1)
        projected_1NH = torch.from_numpy(self.projected_NH.rows)[None]
        scores_11MN = self.net.decoder.score(p_1MH, projected_1NH, features_11NF, relation_1MN)
        scores_N = mix_with_place(scores_11MN[0, 0, m].numpy(), self.history, agent, self.policy.spec.rules.prior)
        return scores_N, self.net.decoder.essential(p_1MH[0, m]).numpy()

    @torch.inference_mode()
    def outcome(self) -> np.ndarray:
        """Logits over episodes.ARENA_OUTCOMES, from the state alone."""
        return self.net.predict_outcome(self.state_1CD)[0].numpy()

    def propose(self, inputs: Sequence[Message], agent: str, budget: int | None) -> Selection:
        if not self.history.segments:
            return EMPTY_DIGEST
        scores_N, logits_V = self.scores(inputs, agent)
        return self.policy.write(ScoredHistory(self.history, scores_N, logits_V), budget or 0)


@dataclass(frozen=True)
class ScoredHistory:
    """Segments with their scores [N] and logits of essential words [V]."""

    history: History
    scores_N: np.ndarray
    logits_V: np.ndarray


class Learned(Policy):
    """A network, an encoder and the rule that writes digests."""

    session_type = LearnedSession

    def __init__(
        self, spec: PolicySpec, encoder: SentenceEncoder, net: CoordinatorNetwork, checkpoint: str | None = None
    ):
        super().__init__(spec, encoder, checkpoint)
        self.net = net.eval()

    def write(self, scored: ScoredHistory, budget: int, rules: DigestRules | None = None) -> Selection:
        """The digest of scored segments, by `rules`, or those of the policy."""
        essential = essential_weight(scored.logits_V)
        return write_digest(scored.history, scored.scores_N, budget, rules or self.spec.rules, essential)
