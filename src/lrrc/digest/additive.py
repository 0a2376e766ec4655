"""The additive line: what a segment adds to a digest, linear in what is seen of it without any learning.

    worth of a digest = sum over its segments of their values;  value = sum over features of weight x feature

Segments are ranked by value per token, so that digests of a budget are worth most. The weights are few, and fitted on
what random digests of many kinds of conversation were worth (lrrc.evaluation.kinds), so the line knows how place,
speaker, length and the words asked weigh against each other, and no kind's words. Needs numpy alone.
Shape suffixes: N segments so far, n some of them, A features of the line.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.digest.features import FEATURES, FIRST_AGENT, OTHER, Query
from lrrc.digest.history import History
from lrrc.digest.place_prior import (
    ANOTHERS,
    PER_MESSAGE,
    PER_SENTENCE,
    share_of_the_question,
)
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Message

OF_PLACE = (
    "one",  # of every segment: what any adds
    "newest_message",
    "log_messages_ago",
    "first_sentence",
    "log_sentences_before",
)
OF_SPEAKER = (
    "own",
    "tool",
    "names_the_agent",
    "by_the_asker",  # who said the last of what is asked
)
SHARES = (  # of segments of a history they sum to one: how much there is in all plays no part
    "place_share",  # of the place prior (lrrc.digest.place_prior), by messages
    "newest_share",  # of newer messages alone
    "last_share",  # of the order: newest message first, each from its beginning
    "ends_share",  # newest segment first
    "firsts_share",  # first sentences of newer messages first, then second ones
    "lead_share",  # by the place prior
    "cosine_share",
    "asked_share",  # of the question's words
)
AS_THEY_ARE = ("cosine", "asked_cosine", "asked_words_in_segment", "log_tokens")  # of lrrc.digest.features
ADDITIVE_FEATURES = (*OF_PLACE, *OF_SPEAKER, *SHARES, *AS_THEY_ARE)
LABEL_TOKENS = 4  # what a segment costs beside its own tokens, about
REACH = 64  # tokens after which the shares of an order have fallen e-fold
LIKE = 0.1  # of cosine by which a share grows e-fold
_COLUMNS = [FEATURES.index(name) for name in AS_THEY_ARE]


@dataclass(frozen=True)
class Line:
    """The weight of every one of ADDITIVE_FEATURES, by name."""

    weights: Mapping[str, float]

    def values(self, features_NA: np.ndarray) -> np.ndarray:
        """float64 [N]: what each segment adds to a digest."""
        return features_NA @ self.vector

    def scores(self, features_NA: np.ndarray, tokens_N: np.ndarray) -> np.ndarray:
        """float64 [N]: what each adds for each token that it costs."""
        return self.values(features_NA) / (tokens_N + LABEL_TOKENS)

    @property
    def vector(self) -> np.ndarray:
        """float64 [A], in the order of ADDITIVE_FEATURES; 0 for features that have no weight."""
        return np.array([self.weights.get(name, 0.0) for name in ADDITIVE_FEATURES])

    @classmethod
    def read(cls, path: Path) -> Line:
        """From a file of numbers by name. Raises ValueError where it is none."""
        try:
            return cls.of(json.loads(path.read_text(encoding="utf-8"))["weights"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path}: not the weights of an additive line: {error}") from None

    @classmethod
    def of(cls, weights: Any) -> Line:
        """Raises ValueError for names that are no features and for what is no finite number."""
        if not isinstance(weights, Mapping):
            raise ValueError("weights: allowed is a number for each feature by name")
        for name, value in weights.items():
            if name not in ADDITIVE_FEATURES:
                raise ValueError(f"weights.{name}: allowed is one of {', '.join(ADDITIVE_FEATURES)}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
                raise ValueError(f"weights.{name} = {value!r}: allowed is a finite number")
        return cls({name: float(value) for name, value in weights.items()})


def additive_features(
    history: History,
    inputs: Sequence[Message],
    agent: str,
    some_n: np.ndarray | None = None,
    known: tuple[Query, np.ndarray] | None = None,
) -> np.ndarray:
    """float64 [N, A] in the order of ADDITIVE_FEATURES, for a call of `agent` that `inputs` ask for; of the segments
    numbered in `some_n` (default: all). `known`: the query and its `query_features` of these segments, where they are.
    """
    some_n = np.arange(len(history.segments)) if some_n is None else some_n
    query, asked_Qn = known or (Query.of(inputs, history.encoder), None)
    asked_Qn = history.query_features(query, some_n) if asked_Qn is None else asked_Qn
    name = frozenset(words_of(agent))
    said_by_M = [_words_of_name(message.name or message.role) for message in history.messages]
    asker = frozenset(words_of(inputs[-1].name or inputs[-1].role)) if inputs else frozenset()
    by_asker_M = np.array([bool(words) and words == asker for words in said_by_M], bool)
    message_n, place_n, speaker_n = history.message_N[some_n], history.place_N[some_n], history.speaker_N[some_n]
    ago_n = len(history.messages) - 1 - message_n
    own_n = speaker_n == FIRST_AGENT + history.agent_number(agent)
    others_n = (speaker_n >= FIRST_AGENT) & ~own_n
    rows_nF = history.feature_rows(asked_Qn, some_n)[:, _COLUMNS]
    asked_n = share_of_the_question(history, query.asked_weights, len(history.segments))[some_n]
    tokens_n = segment_tokens(history)[some_n]
    seen = (
        np.ones(len(some_n)),
        ago_n == 0,
        np.log1p(ago_n),
        place_n == 0,
        np.log1p(place_n),
        own_n,
        speaker_n == OTHER,
        _naming(history, name)[some_n] & ~own_n,
        by_asker_M[message_n],
        _share(np.exp(_log_place(place_n, ago_n, others_n))),
        _share(np.exp(-PER_MESSAGE * ago_n)),
        _in_order(-ago_n - place_n / (1.0 + place_n.max(initial=0)), tokens_n),
        _in_order(np.arange(len(some_n), dtype=float), tokens_n),
        _in_order(-place_n - ago_n / (1.0 + ago_n.max(initial=0)), tokens_n),
        _in_order(_log_place(place_n, ago_n, others_n), tokens_n),
        _share(np.exp((rows_nF[:, 0] - 1) / LIKE)),
        _share(asked_n**2),
    )
    return np.concatenate([np.stack(seen, axis=1).astype(float), rows_nF], axis=1)


def _naming(history: History, name: frozenset[str]) -> np.ndarray:
    """bool [N]: the segments that have all words of a name."""
    found_N = np.zeros(len(history.segments), np.int32)
    for word in name:
        found_N[history.index.having(word)] += 1
    return (found_N == len(name)) & bool(name)


@functools.lru_cache(1024)
def _words_of_name(name: str) -> frozenset[str]:
    return frozenset(words_of(name))


def _share(values_n: np.ndarray) -> np.ndarray:
    """The values as parts of their sum; zeros where there is none."""
    return values_n / (values_n.sum() or 1.0)


def _log_place(place_n: np.ndarray, ago_n: np.ndarray, others_n: np.ndarray) -> np.ndarray:
    """The place prior, by messages."""
    return -PER_SENTENCE * place_n - PER_MESSAGE * ago_n - ANOTHERS * others_n


def _in_order(scores_n: np.ndarray, tokens_n: np.ndarray) -> np.ndarray:
    """Shares of an order: a segment's tokens have less each than those of the segments before it, so that value per
    token falls along the order."""
    order = np.argsort(-scores_n, kind="stable")
    before_n = np.empty(len(order))
    before_n[order] = np.cumsum(tokens_n[order]) - tokens_n[order]
    return _share((tokens_n + LABEL_TOKENS) * np.exp(-before_n / REACH))


def segment_tokens(history: History) -> np.ndarray:
    """float64 [N]: tokens of every segment."""
    return history.tokens_N.astype(float)
