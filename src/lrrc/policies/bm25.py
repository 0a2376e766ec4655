"""Okapi BM25 over a growing history: a turn is indexed once, not at every call, and only segments that have a word of
the question are looked at.

Scores equal those of rank_bm25.BM25Okapi made anew, to the last bit (tested), hence the order in which numbers are
added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lrrc.digest.word_index import WordIndex

EPSILON = 0.25


def bm25_scores(index: WordIndex, query: Sequence[str], k1: float = 1.5, b: float = 0.75) -> np.ndarray:
    """float64 [N]: of every segment, for the words of a question in order."""
    scores_N, floor = np.zeros(len(index.lengths_N)), None
    for word in query:
        where = index.having(word)
        if not len(where):
            continue
        idf = _rarity(len(scores_N), len(where))
        if idf < 0:  # most segments have it
            floor = idf = _floor(index) if floor is None else floor
        often = index.often(word)
        length = k1 * (1 - b + b * index.lengths_N[where].astype(float) / (index.words / len(scores_N)))
        scores_N[where] += idf * (often * (k1 + 1) / (often + length))
    return scores_N


def _floor(index: WordIndex) -> float:
    """The inverse document frequency of words that most segments have: EPSILON times the mean of all words'."""
    spread = np.array(index.spread())
    counts, place = np.unique(spread, return_inverse=True)
    rarity = np.array([_rarity(len(index.lengths_N), count) for count in counts.tolist()])
    return EPSILON * (float(np.cumsum(rarity[place])[-1]) / len(spread))  # one by one: `sum` may round otherwise


def _rarity(segments: int, count: int) -> float:
    return math.log(segments - count + 0.5) - math.log(count + 0.5)
