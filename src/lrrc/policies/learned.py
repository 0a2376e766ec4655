"""Policies with a trained network, in torch: LRRC and the component baselines (docs/method.md 3 and 4).

Training and replay run the same network over whole episodes at once (tested equal). Who serves LRRC alone needs no
torch: lrrc.policies.serving.
Shape suffixes: N segments so far, n of one turn, C columns of the state, D state width, H head width, V buckets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import PendingTurns
from lrrc.digest.reply_form import form_differences
from lrrc.model.network import CoordinatorNetwork, relations
from lrrc.model.outcome import exchange_agents
from lrrc.policies.scoring import ScoringPolicy, ScoringSession
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.sentence_encoder import SentenceEncoder


class LearnedSession(ScoringSession):
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
    def prompt(self, query_E: np.ndarray, agent: int) -> torch.Tensor:
        """[1, M, H]: of the agents up to this one, which is the last."""
        return self.net.head(self.state_1CD, torch.from_numpy(query_E)[None], agent + 1)

    @torch.inference_mode()
    def score_some(self, prompt: torch.Tensor, asked_Qn: np.ndarray, some_n: np.ndarray) -> np.ndarray:
        features_11nF = torch.from_numpy(self.history.feature_rows(asked_Qn, some_n))[None, None]
        speaker_1n = torch.from_numpy(self.history.speaker_N[some_n].astype(np.int64))[None]
        projected_1nH = torch.from_numpy(self.projected_NH.at(some_n))[None]
        relation_1Mn = relations(speaker_1n, prompt.shape[1])
        return self.net.decoder.score(prompt, projected_1nH, features_11nF, relation_1Mn)[0, 0, -1].numpy()

    @torch.inference_mode()
    def essential(self, prompt: torch.Tensor) -> np.ndarray:
        return self.net.decoder.essential(prompt[0, -1]).numpy()

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


class Learned(ScoringPolicy):
    """With a network of torch."""

    session_type = LearnedSession

    def __init__(
        self, spec: PolicySpec, encoder: SentenceEncoder, net: CoordinatorNetwork, checkpoint: str | None = None
    ):
        super().__init__(spec, encoder, checkpoint)
        self.net = net.eval()
