"""The parts of a question. "How is the supply boat called, and the spare key?" asks for two things; no segment has the
words of both, and each that answers has but half of what is asked.

No grammar is needed: a part is a run of the question's words that one segment has, and what it lacks of the run weighs
less than what it has; what nobody has said weighs half, as no answer could have it. So words that a segment shares with
a long question here and there are no part of it.
Shape suffix: N segments so far.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lrrc.digest.features import is_question
from lrrc.digest.history import History

LEAST = 1.0  # weight of a part: no single word has more, so that it takes two to make one
MOST = 4  # parts of a question
UNSAID = 0.5  # of a word's weight, against a run, where no segment has it
LOOKED_AT = 16  # segments, for each part: those that have the most of what is left of the question


def rarity(having: int, count: int) -> float:
    """How much of a word's weight counts for those of `count` segments that have it: less, the more they are."""
    return 1 - math.log(having) / math.log(max(2, count))


def parts_of_the_question(history: History, asked: Mapping[str, float], free_N: np.ndarray) -> list[dict[str, float]]:
    """The words of every part with their weights, at most MOST of them; a word is in one.

    `asked` has the question's words in its order. Only segments that are `free_N` answer. One that is a question, or
    says all that is asked, is the question itself, asked before.
    """
    count, having, left, held_N = len(free_N), {}, {}, np.zeros(len(free_N))
    for word, weight in asked.items():
        where = history.index.having(word, count)
        having[word] = where = where[free_N[where]]
        left[word] = weight * (rarity(len(where), count) if len(where) else UNSAID)
        held_N[where] += left[word]
    parts: list[dict[str, float]] = []
    while len(parts) < MOST:
        able = np.flatnonzero(held_N > LEAST)
        best, run = LEAST, []
        for i in able[np.argsort(-held_N[able], kind="stable")][:LOOKED_AT].tolist():
            words = history.words[i]
            if asked.keys() <= words or is_question(history.segments[i].text):
                held_N[i] = 0
                continue
            value, found = _best_run(left, words)
            if value > best:
                best, run = value, found
        if not run:
            break
        parts.append({word: asked[word] for word in run})
        for word in run:
            held_N[having[word]] -= left.pop(word)
    return parts


def _best_run(weights: Mapping[str, float], words: frozenset[str]) -> tuple[float, list[str]]:
    """Of all runs of the weighed words the one in which those that are among `words` outweigh the others most: by how
    much, and those of them."""
    best, run, value, now = 0.0, [], 0.0, []
    for word, weight in weights.items():
        value += weight if word in words else -weight
        if word in words:
            now = [*now, word]
        if value <= 0:
            value, now = 0.0, []
        elif value > best:
            best, run = value, now
    return best, run
