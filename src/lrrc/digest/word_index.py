"""Which segments of a growing history have a word, and how often: what is asked is looked up, not searched for.

Lexical features, the prior and BM25 read it, so that a call looks at the segments that share a word with the question.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from lrrc.digest.growing_rows import GrowingRows

NOWHERE = np.zeros(0, np.int32)


class WordIndex:
    """Starts empty. `add` segments (their words, in order), then look words up."""

    def __init__(self):
        self._found: dict[str, tuple[array, array]] = {}  # the numbers of the segments that have a word; how often each
        self._lengths = GrowingRows()
        self.words = 0  # of all segments together

    @property
    def lengths_N(self) -> np.ndarray:
        """float32: the words of each segment."""
        return self._lengths.rows

    def add(self, segments: Sequence[Sequence[str]]) -> None:
        for number, words in enumerate(segments, len(self._lengths.rows)):
            once = dict.fromkeys(words, 1)
            for word, count in once.items() if len(once) == len(words) else Counter(words).items():
                if (found := self._found.get(word)) is None:
                    found = self._found[word] = array("i"), array("i")
                found[0].append(number)
                found[1].append(count)
        lengths = [len(words) for words in segments]
        self._lengths.extend(np.array(lengths, np.float32))
        self.words += sum(lengths)

    def __contains__(self, word: str) -> bool:
        return word in self._found

    def having(self, word: str, before: int | None = None) -> np.ndarray:
        """int32, ascending: the segments that have a word, of the first `before` (default: of all)."""
        if word not in self._found:
            return NOWHERE
        where = np.array(self._found[word][0])
        return where if before is None else where[: np.searchsorted(where, before)]

    def often(self, word: str) -> np.ndarray:
        """int32: how often each of the segments that have a word has it."""
        return np.array(self._found[word][1]) if word in self._found else NOWHERE

    def spread(self) -> list[int]:
        """How many segments have each word; words in the order in which they came up."""
        return [len(where) for where, _ in self._found.values()]

    def shared(self, weights: Mapping[str, float]) -> np.ndarray:
        """float64 [N]: the weights (from 0 to 1) of the words that each segment has, added up exactly and rounded once.

        Each weight is cut into a multiple of 2^-26 and a rest below that. Both kinds add up without loss, so that the
        order of words plays no part, as with `math.fsum`.
        """
        count = len(self.lengths_N)
        found = [(self._found[word][0], weight) for word, weight in weights.items() if word in self._found]
        if not found:
            return np.zeros(count)
        where = np.concatenate([np.frombuffer(numbers, np.int32) for numbers, _ in found], dtype=np.intp)
        weight_n = np.repeat([weight for _, weight in found], [len(numbers) for numbers, _ in found])
        coarse_n = np.floor(weight_n * 2**26) / 2**26
        return np.bincount(where, coarse_n, count) + np.bincount(where, weight_n - coarse_n, count)
