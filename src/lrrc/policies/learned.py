"""Policies with a trained network: LRRC and the component baselines (docs/method.md 3 and 4).

A session keeps the shared state and steps it once per turn, so the cost of a turn depends on that turn's text alone;
training and replay run the same network over whole episodes at once (tested equal).
Shape suffixes: N segments so far, n of one turn, C columns of the state, D state width, H head width, V buckets.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lrrc.digest.corrections import corrections_first
from lrrc.digest.features import Query
from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import PendingTurns
from lrrc.digest.place_prior import mix_with_prior
from lrrc.digest.reply_form import form_differences
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import DigestRules, write_digest
from lrrc.episodes.episode import Message
from lrrc.model.network import CoordinatorNetwork, relations
from lrrc.model.outcome import exchange_agents
from lrrc.policies.base import Policy, RankedHistory, Session, heard_only
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.sentence_encoder import SentenceEncoder


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
    def scores(
        self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Segment scores [N] and logits of essential words [V] for a call of `agent`; of what is `sent`, none."""
        query = Query.of(inputs, self.history.encoder)
        m = self.history.agent_number(agent)
        p_1MH = self.net.head(self.state_1CD, torch.from_numpy(query.embedding_E)[None], m + 1)
        features_11NF = torch.from_numpy(self.history.features(query))[None, None]
        relation_1MN = relations(torch.from_numpy(self.history.speaker_N.astype(np.int64))[None], m + 1)
        projected_1NH = torch.from_numpy(self.projected_NH.rows)[None]
        scores_11MN = self.net.decoder.score(p_1MH, projected_1NH, features_11NF, relation_1MN)
        scores_N, share = self.unsent(scores_11MN[0, 0, m].numpy(), sent), self.policy.spec.rules.prior
        scores_N = mix_with_prior(scores_N, self.history, agent, share, query.asked_weights)
        return scores_N, self.net.decoder.essential(p_1MH[0, m]).numpy()

    @torch.inference_mode()
    def outcome(self) -> np.ndarray:
        """Logits over episodes.ARENA_OUTCOMES, from the state, and from what it were had the agents changed places."""
        seen = self.history
        speaker_1N, turn_1N = (
            torch.from_numpy(row_N.astype(np.int64))[None] for row_N in (seen.speaker_N, seen.turn_N)
        )
        z_1NZ = self.net.encode(torch.from_numpy(seen.embeddings_NE)[None], exchange_agents(speaker_1N))
        exchanged = self.net.run(z_1NZ, turn_1N, max(1, seen.turns))
        form_1TF = torch.from_numpy(form_differences(seen.messages_by_turn(), seen.agents))[None]
        return self.net.outcome_logits(self.state_1CD[:, None], exchanged.state_BTCD[:, -1:], form_1TF)[0, 0].numpy()

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        if not self.history.segments:
            return EMPTY_DIGEST
        return self.policy.write(self.ranked(inputs, agent, sent), budget or 0)

    def ranked(self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()) -> ScoredHistory:
        """The history as a call of `agent` sees it."""
        scores_N, logits_V = self.scores(inputs, agent, sent)
        return ScoredHistory(self.history, scores_N, logits_V)


@dataclass(frozen=True)
class ScoredHistory(RankedHistory):
    """And logits of essential words [V]."""

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
        rules, history = rules or self.spec.rules, scored.history
        scores_N = corrections_first(scored.scores_N, history) if rules.prior else scored.scores_N
        scores_N = heard_only(scores_N, history, self.spec.speakers)
        return write_digest(history, scores_N, budget, rules)
