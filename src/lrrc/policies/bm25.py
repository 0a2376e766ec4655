"""Okapi BM25 over a growing history, by the package rank_bm25: a turn is indexed once, not at every call.

The index holds what `BM25Okapi` holds, and for every word the segments that have it; scores equal those of a
`BM25Okapi` made anew, to the last bit (tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from rank_bm25 import BM25Okapi

from lrrc import segments
from lrrc.features import History


class GrowingBM25(BM25Okapi):
    """A BM25Okapi that starts empty. `add` documents (words in order), then `get_scores(query)`."""

    def __init__(self, k1: float = 1.5, b: float = 0.75, epsilon: float = 0.25):
        # not the inherited constructor, which wants all documents
        self.k1, self.b, self.epsilon = k1, b, epsilon
        self.corpus_size, self.doc_freqs, self.doc_len, self.idf = 0, [], [], {}
        self.containing: dict[str, int] = {}  # documents that have a word
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
        self.avgdl = sum(self.doc_len) / self.corpus_size
        if self.containing:
            self._calc_idf(self.containing)

    def get_scores(self, query: Sequence[str]) -> np.ndarray:
        """[documents]: those without a word of the query are not looked at."""
        scores, lengths = np.zeros(self.corpus_size), np.array(self.doc_len)
        for word in query:
            if word in self.found:
                where, often = map(np.array, self.found[word])
                length = self.k1 * (1 - self.b + self.b * lengths[where] / self.avgdl)
                scores[where] += (self.idf[word] or 0) * (often * (self.k1 + 1) / (often + length))
        return scores


_known: WeakKeyDictionary[History, GrowingBM25] = WeakKeyDictionary()


def index_of(history: History) -> GrowingBM25:
    """The index of a history's segments, brought up to date."""
    index = _known.setdefault(history, GrowingBM25())
    if new := history.segments[index.corpus_size :]:
        index.add([segments.words(segment.text) for segment in new])
    return index
