"""Policies with a trained network: LRRC and the component baselines (docs/method.md 3 and 4).

A session keeps the shared state and steps it once per turn, so the cost of a turn depends on that turn's text alone;
training and replay run the same network over whole episodes at once (tested equal).
Shape suffixes: N segments so far, n of one turn, C columns of the state, D state width, H head width, V buckets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lrrc.digest.corrections import corrections_first
from lrrc.digest.features import Query
from lrrc.digest.growing_rows import GrowingRows, stretches
from lrrc.digest.history import History, PendingTurns
from lrrc.digest.place_prior import mix_with_prior, share_of_the_question
from lrrc.digest.reply_form import form_differences
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import DigestRules, write_digest
from lrrc.episodes.episode import Message
from lrrc.model.network import CoordinatorNetwork, relations
from lrrc.model.outcome import exchange_agents
from lrrc.policies.base import Policy, RankedHistory, Session, heard_only
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.sentence_encoder import SentenceEncoder

MOST = 16_384  # segments that the network scores for a call; 200,000 tokens of talk have as many
AT_ONCE = 4_096  # segments that are scored together: what that takes stays in a processor's cache


def worth_scoring(history: History, asked: Mapping[str, float]) -> np.ndarray:
    """The segments that the network scores, ascending: all; of a history of more than MOST the newest half of MOST, and
    as many older ones that have the most of what is asked (`asked` weighs its words)."""
    older = len(history.segments) - MOST // 2
    if older <= MOST // 2:
        return np.arange(len(history.segments))
    held_N = share_of_the_question(history, asked, older)
    best = np.argpartition(held_N, -(MOST // 2))[-(MOST // 2) :]
    return np.concatenate([np.sort(best), np.arange(older, len(history.segments))])


class LearnedSession(Session):
    policy: Learned

    def __init__(self, policy: Learned, agents: Sequence[str]):
        super().__init__(policy, agents)
        self.net = policy.net
        self.state_1CD = self.net.initial(1)
        self.projected_NH = GrowingRows(self.net.decoder.segment.out_features)

    @torch.inference_mode()
    def step(self, new: PendingTurns) -> None:
        before = len(self.history.segments)
        turns = [slice(first - before, last - before) for first, last in new.bounds if first < last]
        if not turns:
            return
        speaker_1n = torch.tensor(new.speaker)[None]
        z_1nZ = self.net.encode_turns(torch.from_numpy(new.embeddings_nE)[None], speaker_1n, turns)
        projected_1nH = self.net.decoder.project_turns(z_1nZ, turns)
        state_1CD, mask_1n = self.state_1CD, torch.ones(z_1nZ.shape[:2], dtype=torch.bool)
        for here in turns:
            state_1CD, _ = self.net.step(state_1CD, *self.net.project(z_1nZ[:, here]), mask_1n[:, here])
        self.state_1CD = state_1CD
        self.projected_NH.extend(projected_1nH[0].numpy())

    @torch.inference_mode()
    def scores(
        self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Segment scores [N] and logits of essential words [V] for a call of `agent`; of what is `sent`, none."""
        query = Query.of(inputs, self.history.encoder)
        m = self.history.agent_number(agent)
        p_1MH = self.net.head(self.state_1CD, torch.from_numpy(query.embedding_E)[None], m + 1)
        some_n = worth_scoring(self.history, query.asked_weights)
        asked_Qn = self.history.query_features(query, some_n)
        parts = stretches(len(some_n), AT_ONCE)
        scored_n = np.concatenate([self._scored(p_1MH, asked_Qn[:, here], some_n[here]) for here in parts])
        scores_N = np.full(len(self.history.segments), scored_n.min(initial=np.inf))
        scores_N[some_n] = scored_n
        scores_N, share = self.unsent(scores_N, sent), self.policy.spec.rules.prior
        scores_N = mix_with_prior(scores_N, self.history, agent, share, query.asked_weights)
        return scores_N, self.net.decoder.essential(p_1MH[0, m]).numpy()

    def _scored(self, p_1MH: torch.Tensor, asked_Qn: np.ndarray, some_n: np.ndarray) -> np.ndarray:
        """What the network gives some segments for the last of M agents."""
        features_11nF = torch.from_numpy(self.history.feature_rows(asked_Qn, some_n))[None, None]
        speaker_1n = torch.from_numpy(self.history.speaker_N[some_n].astype(np.int64))[None]
        projected_1nH = torch.from_numpy(self.projected_NH.at(some_n))[None]
        relation_1Mn = relations(speaker_1n, p_1MH.shape[1])
        return self.net.decoder.score(p_1MH, projected_1nH, features_11nF, relation_1Mn)[0, 0, -1].numpy()

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
