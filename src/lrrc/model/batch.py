"""A padded batch of episodes.

Shape suffixes: B episodes, T turns, N segments, M agents, E encoder width, F features, V buckets of essential words.
Padding never changes a result: padded segments carry turn PAD, padded turns and calls are masked out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lrrc.model.outcome import exchange_agents, exchange_outcomes

PAD = 1_000_000  # the turn of a padded segment: later than any call, so never part of a history


@dataclass(frozen=True)
class Batch:
    embeddings_BNE: Tensor
    turn_BN: Tensor  # int64, PAD where padded
    speaker_BN: Tensor  # int64
    query_BTE: Tensor
    features_BTNF: Tensor
    turns_B: Tensor  # int64, number of turns
    target_BTMN: Tensor  # rows sum to one, or are zero where nothing is to be learnt
    worth_BTM: Tensor  # nats that the history gains a call, below zero where unknown
    essential_BTMV: Tensor  # rows sum to one, or are zero
    outcome_B: Tensor  # int64, -1 where there is none
    standing_BN: Tensor  # 1 a standing rule, 0 none, below zero unknown or padded
    form_BTF: Tensor  # differences of the first two agents' replies (digest.reply_form); F = 0 where not stored

    @property
    def swappable(self) -> bool:
        """Two agents, whose sides can be exchanged."""
        return self.target_BTMN.shape[2] == 2

    def swapped(self, flip_B: Tensor) -> Batch:
        """Exchange the two agents of the episodes where `flip_B` is true. Only for M = 2."""
        each = flip_B[:, None, None, None]
        return replace(
            self,
            speaker_BN=torch.where(flip_B[:, None], exchange_agents(self.speaker_BN), self.speaker_BN),
            target_BTMN=torch.where(each, self.target_BTMN.flip(2), self.target_BTMN),
            worth_BTM=torch.where(flip_B[:, None, None], self.worth_BTM.flip(2), self.worth_BTM),
            essential_BTMV=torch.where(each, self.essential_BTMV.flip(2), self.essential_BTMV),
            form_BTF=torch.where(flip_B[:, None, None], -self.form_BTF, self.form_BTF),
            outcome_B=torch.where(flip_B, exchange_outcomes(self.outcome_B), self.outcome_B),
        )

    def to(self, device: torch.device | str) -> Batch:
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})
