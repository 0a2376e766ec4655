"""Okapi BM25 over a growing history: a turn is indexed once, not at every call.

The index holds, for every word, the segments that have it. Scores equal those of rank_bm25.BM25Okapi made anew, to the
last bit (tested), hence the order in which numbers are added.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from lrrc.digest import segments
from lrrc.digest.growing_rows import GrowingRows
from lrrc.digest.history import History

K1, B, EPSILON = 1.5, 0.75, 0.25


class GrowingBM25:
    """Starts empty. `add` documents (words in order), then `get_scores(query)`."""

    def __init__(self):
        self.count, self.words, self.lengths = 0, 0, GrowingRows()  # documents, their words, and those of each
        self.found: dict[str, tuple[list[int], list[int]]] = {}  # which documents have a word, and how often each
        self.floor: float | None = None  # idf of words that most documents have, once it was asked for

    def add(self, documents: Sequence[Sequence[str]]) -> None:
        for number, document in enumerate(documents, self.count):
            for word, count in Counter(document).items():
                where, often = self.found.setdefault(word, ([], []))
                where.append(number)
                often.append(count)
        lengths = [len(document) for document in documents]
        self.lengths.extend(np.array(lengths, np.float32))
        self.count, self.words, self.floor = self.count + len(lengths), self.words + sum(lengths), None

    def get_scores(self, query: Sequence[str]) -> np.ndarray:
        """[documents]: those without a word of the query are not looked at."""
        scores = np.zeros(self.count)
        for word in query:
            if word in self.found:
                where, often = map(np.array, self.found[word])
                length = K1 * (1 - B + B * self.lengths.rows[where].astype(float) / (self.words / self.count))
                scores[where] += self._idf(word) * (often * (K1 + 1) / (often + length))
        return scores

    def _idf(self, word: str) -> float:
        """A word's inverse document frequency; where it is negative, EPSILON times the mean of all words'."""
        idf = self._rarity(len(self.found[word][0]))
        if idf >= 0:
            return idf
        if self.floor is None:
            counts = [len(where) for where, _ in self.found.values()]
            by_count = {count: self._rarity(count) for count in set(counts)}
            total = 0.0
            for count in counts:  # one by one: `sum` may round otherwise
                total += by_count[count]
            self.floor = EPSILON * (total / len(counts))
        return self.floor

    def _rarity(self, count: int) -> float:
        return math.log(self.count - count + 0.5) - math.log(count + 0.5)


_known: WeakKeyDictionary[History, GrowingBM25] = WeakKeyDictionary()


def index_of(history: History) -> GrowingBM25:
    """The index of a history's segments, brought up to date."""
    index = _known.setdefault(history, GrowingBM25())
    if new := history.segments[index.count :]:
        index.add([segments.words(segment.text) for segment in new])
    return index
