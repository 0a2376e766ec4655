"""Episodes as padded batches of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from lrrc.dataset.episode_arrays import UNKNOWN, EpisodeArrays
from lrrc.digest.features import FEATURES
from lrrc.model.batch import PAD, Batch
from lrrc.model.outcome_probe import KeptFeatures, ProbeBatch


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
    form = np.zeros((B, T, max(e.form_TF.shape[1] for e in episodes)), np.float32)
    for b, e in enumerate(episodes):
        form[b, : e.turns] = e.form_TF
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
        form_BTF=torch.from_numpy(form),
    )


def seen_features(episodes: Iterable[EpisodeArrays]) -> torch.Tensor:
    """Features [N, F] of every segment in every turn in which it could be sent."""
    none = np.zeros((0, len(FEATURES)), np.float32)
    return torch.from_numpy(np.concatenate([none, *(rows for e in episodes for rows in e.features)]))


def collate_kept(episodes: Sequence[KeptFeatures]) -> ProbeBatch:
    """Pad to the longest episode."""
    turns = [len(e.features_TPG) for e in episodes]
    kept, form = (
        np.zeros((len(episodes), max(1, *turns), *one.shape[1:]), np.float32)
        for one in (episodes[0].features_TPG, episodes[0].form_TF)
    )
    for b, e in enumerate(episodes):
        kept[b, : turns[b]], form[b, : turns[b]] = e.features_TPG, e.form_TF
    outcome = torch.tensor([e.outcome for e in episodes])
    arrays = map(torch.from_numpy, (kept, form))
    return ProbeBatch(*arrays, torch.tensor(turns), outcome, all(e.agents == 2 for e in episodes))
