"""Train, validation and test (paper section 3.3: 140/30/30 of 200), and folds for cross-fitting.

Episodes of one group stay in one part; within that, parts have the asked sizes and the same mix of outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lrrc.episodes.episode import Episode
from lrrc.runtime.chance import stream

PARTS = ("train", "val", "test")
FAMILY_FOLDS = 8  # at most


def partition(
    groups: Sequence[str], strata: Sequence[str], shares: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """The part [N] of each episode, so that no group is torn, sizes are as asked and strata are mixed alike.

    Groups go, largest first and otherwise in random order, to the part that they overfill least, and among
    equals to the part that lacks their strata most. Groups of one episode give exactly the asked sizes
    (largest remainder, at least one). Raises ValueError where there are fewer groups than parts.
    Suffixes: N episodes, G groups, K strata, P parts.
    """
    names, group_N = np.unique(np.array(groups, object), return_inverse=True)
    kinds, kind_N = np.unique(np.array(strata, object), return_inverse=True)
    if len(names) < len(shares):
        raise ValueError(
            f"split: {len(names)} groups of {len(groups)} episodes cannot fill {len(shares)} parts: take "
            "more episodes (data.n_episodes), smaller groups (data.group_by) or another number of split.folds"
        )
    counts_GK = np.zeros((len(names), len(kinds)))
    np.add.at(counts_GK, (group_N, kind_N), 1)
    totals_K = counts_GK.sum(0)
    share_P = np.array(shares) / sum(shares)
    quota_P = _quotas(len(groups), share_P)
    wanted_PK = share_P[:, None] * totals_K
    held_PK = np.zeros_like(wanted_PK)
    part_G = np.zeros(len(names), int)
    shuffled = rng.permutation(len(names))
    order = shuffled[np.argsort(-counts_GK[shuffled].sum(1), kind="stable")]
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        after_PK = held_PK + counts_GK[group]
        over_P = np.maximum(after_PK.sum(1) - quota_P, 0)
        worse_P = (((after_PK - wanted_PK) ** 2 - (held_PK - wanted_PK) ** 2) / totals_K).sum(1)
        empty_P = held_PK.sum(1) == 0
        if left <= empty_P.sum():  # the last groups go to the parts that would stay empty
            over_P[~empty_P] = np.inf
        part_G[group] = np.lexsort((worse_P, over_P))[0]
        held_PK[part_G[group]] += counts_GK[group]
    return part_G[group_N]


def _quotas(n: int, share_P: np.ndarray) -> np.ndarray:
    """Whole numbers that sum to `n`, by largest remainder, none under one where that is possible."""
    exact_P = n * share_P
    quota_P = np.floor(exact_P + 1e-9)
    for part in np.argsort(-(exact_P - quota_P), kind="stable")[: n - int(quota_P.sum())]:
        quota_P[part] += 1
    while quota_P.min() < 1:
        quota_P[quota_P.argmax()] -= 1
        quota_P[quota_P.argmin()] += 1
    return quota_P


def family_folds(episodes: Sequence[Episode], *, train: float, val: float, seed: int) -> list[dict[str, list[str]]]:
    """Folds {"train", "val", "test": ids} whose fits never saw a check of the families that they are tested on.

    A fold for every category, or for every eighth where there are more: its episodes are the test; the others, but
    those with a check of such a family, are divided as train to val. Raises ValueError where there are too few.
    """
    families = sorted({family_of(episode) for episode in episodes})
    if len(families) < 2:
        raise ValueError("split: to leave out a family takes episodes of two categories")
    count, folds = min(len(families), FAMILY_FOLDS), []
    for number in range(count):
        out = set(families[number::count])
        test = [e for e in episodes if family_of(e) in out]
        rest = [e for e in episodes if family_of(e) not in out and out.isdisjoint(c.family for c in e.checks)]
        groups, strata = [e.group for e in rest], [e.outcome or "none" for e in rest]
        part_N = partition(groups, strata, (train, val), stream("split: family", seed, number))
        members = ([e for e, part in zip(rest, part_N, strict=True) if part == i] for i in range(2))
        folds.append({name: [e.episode_id for e in part] for name, part in zip(PARTS, (*members, test), strict=True)})
    return folds


def family_of(episode: Episode) -> str:
    """The kind of task that an episode is about."""
    return episode.category or "none"


def split_episodes(
    episodes: Sequence[Episode], *, train: float, val: float, test: float, folds: int, seed: int
) -> dict[str, Any]:
    """{"train": ids, "val": ids, "test": ids, "folds": [{"train": ..., "val": ..., "test": ...}, ...]}.

    Ids stand in the order given. Every episode is in the test part of exactly one fold; the rest of a fold is
    divided as train to val. Strata are the outcomes, "none" being one. Raises ValueError for too few groups.
    """
    groups = np.array([episode.group for episode in episodes], object)
    strata = np.array([episode.outcome or "none" for episode in episodes], object)
    ids = np.array([episode.episode_id for episode in episodes], object)
    whole = partition(groups, strata, (train, val, test), stream("split", seed, 0))
    splits: dict[str, Any] = {part: ids[whole == i].tolist() for i, part in enumerate(PARTS)}
    fold_N = partition(groups, strata, [1 / folds] * folds, stream("split", seed, 1))
    splits["folds"] = []
    for fold in range(folds):
        rest = np.flatnonzero(fold_N != fold)
        inner = partition(groups[rest], strata[rest], (train, val), stream("split", seed, 2 + fold))
        members = (rest[inner == 0], rest[inner == 1], np.flatnonzero(fold_N == fold))
        splits["folds"].append({part: ids[rows].tolist() for part, rows in zip(PARTS, members, strict=True)})
    return splits
