"""A padded batch of episodes.

Shape suffixes: B episodes, T turns, N segments, M agents, E encoder width, F features, V buckets of essential words.
Padding never changes a result: padded segments carry turn PAD, padded turns and calls are masked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lrrc.dataset import UNKNOWN, EpisodeArrays
from lrrc.features import FEATURES, FIRST_AGENT

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

    @property
    def swappable(self) -> bool:
        """Two agents, whose sides can be exchanged."""
        return self.target_BTMN.shape[2] == 2

    def swapped(self, flip_B: Tensor) -> Batch:
        """Exchange the two agents of the episodes where `flip_B` is true. Only for M = 2."""
        first, second = self.speaker_BN == FIRST_AGENT, self.speaker_BN == FIRST_AGENT + 1
        exchanged = torch.where(first, FIRST_AGENT + 1, torch.where(second, FIRST_AGENT, self.speaker_BN))
        outcome = torch.where((self.outcome_B == 0) | (self.outcome_B == 1), 1 - self.outcome_B, self.outcome_B)
        each = flip_B[:, None, None, None]
        return replace(
            self,
            speaker_BN=torch.where(flip_B[:, None], exchanged, self.speaker_BN),
            target_BTMN=torch.where(each, self.target_BTMN.flip(2), self.target_BTMN),
            worth_BTM=torch.where(flip_B[:, None, None], self.worth_BTM.flip(2), self.worth_BTM),
            essential_BTMV=torch.where(each, self.essential_BTMV.flip(2), self.essential_BTMV),
            outcome_B=torch.where(flip_B, outcome, self.outcome_B),
        )

    def to(self, device: torch.device | str) -> Batch:
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


def collate(episodes: Sequence[EpisodeArrays], vocabulary: int, targets: str | None = "model") -> Batch:
    """Pad episodes to the longest of them. `targets`: their kind; None (not in training) leaves them empty."""
    B, T = len(episodes), max(1, max(e.turns for e in episodes))
    N = max(1, max(len(e.turn_N) for e in episodes))
    M = max(max(1, e.agents) for e in episodes)
    E = max(e.embeddings_NE.shape[1] for e in episodes)
    embeddings = np.zeros((B, N, E), np.float32)
    turn = np.full((B, N), PAD, np.int64)
    speaker = np.zeros((B, N), np.int64)
    query = np.zeros((B, T, E), np.float32)
    features = np.zeros((B, T, N, len(FEATURES)), np.float32)
    target = np.zeros((B, T, M, N) if targets else (B, T, M, 0), np.float32)
    worth = np.full((B, T, M), UNKNOWN, np.float32)
    standing = np.full((B, N), UNKNOWN, np.float32)
    essential = np.zeros((B, T, M, vocabulary) if targets else (B, T, M, 0), np.float32)
    for b, e in enumerate(episodes):
        n = len(e.turn_N)
        embeddings[b, :n], turn[b, :n], speaker[b, :n] = e.embeddings_NE.reshape(n, E), e.turn_N, e.speaker_N
        query[b, : e.turns] = e.query_TE
        standing[b, :n] = e.standing_N
        wanted = e.targets[targets] if targets else None
        if wanted:
            worth[b, : e.turns, : e.agents] = wanted.worth_TM
        for t in range(e.turns):
            before = e.features[t].shape[0]
            features[b, t, :before] = e.features[t]
            if wanted:
                target[b, t, : e.agents, :before] = wanted.target[t]
                for m, (hashes, weights) in enumerate(e.essential[t]):
                    np.add.at(essential[b, t, m], hashes % vocabulary, weights)
    return Batch(
        *map(torch.from_numpy, (embeddings, turn, speaker, query, features)),
        turns_B=torch.tensor([e.turns for e in episodes]),
        target_BTMN=torch.from_numpy(target),
        worth_BTM=torch.from_numpy(worth),
        essential_BTMV=torch.from_numpy(essential),
        outcome_B=torch.tensor([e.outcome for e in episodes]),
        standing_BN=torch.from_numpy(standing),
    )
