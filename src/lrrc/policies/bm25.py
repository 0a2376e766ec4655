"""Okapi BM25 over a growing history, by the package rank_bm25: a turn is indexed once, not at every call.

The index holds what `BM25Okapi` counts, and for every word the segments that have it; scores equal those of a
`BM25Okapi` made anew, to the last bit (tested).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from rank_bm25 import BM25Okapi

from lrrc.digest import segments
from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import History


class GrowingBM25(BM25Okapi):
    """A BM25Okapi that starts empty. `add` documents (words in order), then `get_scores(query)`."""

    def __init__(self, k1: float = 1.5, b: float = 0.75, epsilon: float = 0.25):
        # not the inherited constructor, which wants all documents
        self.k1, self.b, self.epsilon = k1, b, epsilon
        self.corpus_size, self.doc_freqs, self.doc_len = 0, [], []
        self.words, self.lengths = 0, GrowingRows()  # of all documents together, and of each
        self.containing: dict[str, int] = {}  # documents that have a word
        self.floor: float | None = None  # idf of words that most documents have, once it was asked for
        self.found: dict[str, tuple[list[int], list[int]]] = {}  # which documents, and how often each

    def add(self, documents: Sequence[Sequence[str]]) -> None:
        first = self.corpus_size
        for word, count in self._initialize(documents).items():
            self.containing[word] = self.containing.get(word, 0) + count
        for number, counts in enumerate(self.doc_freqs[first:], first):
            for word, count in counts.items():
                where, often = self.found.setdefault(word, ([], []))
                where.append(number)
                often.append(count)
        self.lengths.extend(np.array(self.doc_len[first:], np.float32))
        self.words += sum(self.doc_len[first:])
        self.avgdl, self.floor = self.words / self.corpus_size, None

    def get_scores(self, query: Sequence[str]) -> np.ndarray:
        """[documents]: those without a word of the query are not looked at."""
        scores = np.zeros(self.corpus_size)
        for word in query:
            if word in self.found:
                where, often = map(np.array, self.found[word])
                length = self.k1 * (1 - self.b + self.b * self.lengths.rows[where].astype(float) / self.avgdl)
                scores[where] += self._idf(word) * (often * (self.k1 + 1) / (often + length))
        return scores

    def _idf(self, word: str) -> float:
        """A word's inverse document frequency; where it is negative, `epsilon` times the mean of all words'."""
        idf = self._rarity(self.containing[word])
        if idf >= 0:
            return idf
        if self.floor is None:
            by_count = {count: self._rarity(count) for count in set(self.containing.values())}
            total = 0.0
            for count in self.containing.values():  # one by one, as the package adds: `sum` may round otherwise
                total += by_count[count]
            self.floor = self.epsilon * (total / len(self.containing))
        return self.floor

    def _rarity(self, count: int) -> float:
        return math.log(self.corpus_size - count + 0.5) - math.log(count + 0.5)


_known: WeakKeyDictionary[History, GrowingBM25] = WeakKeyDictionary()


def index_of(history: History) -> GrowingBM25:
    """The index of a history's segments, brought up to date."""
    index = _known.setdefault(history, GrowingBM25())
    if new := history.segments[index.corpus_size :]:
        index.add([segments.words(segment.text) for segment in new])
    return index
