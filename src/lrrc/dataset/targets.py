"""What is to be learnt about a history: which segments, and how much they are worth together."""

from __future__ import annotations

import math

import numpy as np

from lrrc.digest.features import Query
from lrrc.digest.history import History
from lrrc.digest.words import word_weight, words_of

ESSENTIAL_WEIGHT = 0.35  # words lighter than this (function words, fillers) are not essential
SHARPNESS = 2.0  # exponent of a gain: a segment that carries two of the reply's words beats two with one
NOISE = 3.0  # nats that a segment gains by its form alone (another sentence of the kind); what is above counts


def essential_words(text: str) -> dict[str, float]:
    """The words of a text that carry information, with their weights."""
    weights = {word: word_weight(word) for word in words_of(text)}
    return {word: weight for word, weight in weights.items() if weight >= ESSENTIAL_WEIGHT}


def lexical_gains(history: History, query: Query, reply: str, before: int) -> np.ndarray:
    """Weight [before] of the reply's words that are not already in the query, per segment."""
    wanted = {word: w for word, w in essential_words(reply).items() if word not in query.weights}
    shared = [math.fsum(wanted[w] for w in words & wanted.keys()) for words in history.words[:before]]  # in any order
    return np.array(shared, np.float32)


def distribution(gains_N: np.ndarray) -> np.ndarray:
    """Target [N] of the ranking: gains sharpened, summing to one, or zero where nothing is gained."""
    sharp_N = np.maximum(gains_N, 0) ** SHARPNESS
    return sharp_N / sharp_N.sum() if sharp_N.sum() > 0 else sharp_N
