"""The additive line: what a segment adds to a digest, linear in what is seen of it without any learning.

    value in nats a token of the reply = sum over features of weight x feature

A digest is worth the sum of its segments' values. The weights are few, and fitted on what random digests of many kinds
of conversation were worth to a language model (lrrc.evaluation.kinds), so the line knows how place, speaker, length and
the words asked weigh against each other, and no kind's words. Needs numpy alone.
Shape suffixes: N segments so far, A features of the line.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.digest.features import FEATURES, FIRST_AGENT, OTHER, USER, Query
from lrrc.digest.history import History
from lrrc.digest.place_prior import ANOTHERS, PER_MESSAGE, PER_SENTENCE, share_of_the_question
from lrrc.digest.words import words_of
from lrrc.episodes.episode import Message

OF_PLACE = (
    "one",  # of every segment: what any adds
    "newest_message",  # each of the last messages has a weight of its own
    "second_message",
    "third_message",
    "log_messages_ago",
    "first_sentence",
    "second_sentence",
    "log_sentences_before",
    "log_sentences_after",
    "newest_and_first",
    "newest_and_last",
)
OF_SPEAKER = (
    "own",
    "user",
    "tool",
    "own_log_messages_ago",
    "tool_log_messages_ago",
    "names_the_agent",
    "by_the_asker",  # who said the last of what is asked
    "by_whom_is_named",  # in what is asked
)
SHARES = (  # of segments of a history they sum to one: how much there is in all plays no part
    "place_share",  # of the place prior (lrrc.digest.place_prior), by messages
    "newest_share",  # of newer messages alone
    "cosine_share",
    "asked_share",  # of the question's words
)
AS_THEY_ARE = (  # of lrrc.digest.features
    "cosine",
    "query_words_in_segment",
    "segment_words_in_query",
    "asked_cosine",
    "asked_words_in_segment",
    "segment_words_in_asked",
    "log_tokens",
    "word_weight",
    "digits",
    "capitals",
    "question",
    "directive",
    "later_similar",
)
ADDITIVE_FEATURES = (*OF_PLACE, *OF_SPEAKER, *SHARES, *AS_THEY_ARE, "tokens")
LIKE = 0.1  # of cosine by which a share grows e-fold
PACKAGED = Path(__file__).with_suffix(".json")  # written by the stage kinds
_COLUMNS = [FEATURES.index(name) for name in AS_THEY_ARE]


@dataclass(frozen=True)
class Line:
    """The weight of every one of ADDITIVE_FEATURES, by name, in nats a token of the reply."""

    weights: Mapping[str, float]

    def values(self, features_NA: np.ndarray) -> np.ndarray:
        """float64 [N]: what each segment adds; below zero it is better left out."""
        return features_NA @ self.vector

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


@functools.cache
def packaged_line() -> Line:
    """The line that comes with the package, fitted on every kind. Raises ValueError where its file is broken."""
    return Line.read(PACKAGED)


def additive_features(
    history: History, inputs: Sequence[Message], agent: str, some_n: np.ndarray | None = None
) -> np.ndarray:
    """float64 [N, A] in the order of ADDITIVE_FEATURES, for a call of `agent` that `inputs` ask for; of the segments
    numbered in `some_n` (default: all)."""
    some_n = np.arange(len(history.segments)) if some_n is None else some_n
    query = Query.of(inputs, history.encoder)
    name = frozenset(words_of(agent))
    said_by_M = [frozenset(words_of(message.name or message.role)) for message in history.messages]
    asker = frozenset(words_of(inputs[-1].name or inputs[-1].role)) if inputs else frozenset()
    asked_words = frozenset(query.weights)
    by_asker_M = np.array([bool(words) and words == asker for words in said_by_M], bool)
    named_M = np.array([bool(words) and words != asker and words <= asked_words for words in said_by_M], bool)
    message_n, place_n, speaker_n = history.message_N[some_n], history.place_N[some_n], history.speaker_N[some_n]
    length_n = np.bincount(history.message_N)[message_n] if len(some_n) else message_n
    ago_n = len(history.messages) - 1 - message_n
    log_ago_n, newest_n = np.log1p(ago_n), ago_n == 0
    own_n = speaker_n == FIRST_AGENT + history.agent_number(agent)
    tool_n = speaker_n == OTHER
    after_n = length_n - 1 - place_n
    rows_nF = history.feature_rows(history.query_features(query, some_n), some_n)[:, _COLUMNS]
    seen = [
        np.ones(len(some_n)),
        newest_n,
        ago_n == 1,
        ago_n == 2,
        log_ago_n,
        place_n == 0,
        place_n == 1,
        np.log1p(place_n),
        np.log1p(after_n),
        newest_n & (place_n == 0),
        newest_n & (after_n == 0),
        own_n,
        speaker_n == USER,
        tool_n,
        own_n * log_ago_n,
        tool_n * log_ago_n,
        np.array([bool(name) and name <= history.words[i] for i in some_n], bool) & ~own_n,
        by_asker_M[message_n],
        named_M[message_n],
    ]
    others_n = (speaker_n >= FIRST_AGENT) & ~own_n
    held_n = share_of_the_question(history, query.asked_weights, len(history.segments))[some_n]
    seen += [
        _share(np.exp(-PER_SENTENCE * place_n - PER_MESSAGE * ago_n - ANOTHERS * others_n)),
        _share(np.exp(-PER_MESSAGE * ago_n)),
        _share(np.exp((rows_nF[:, AS_THEY_ARE.index("cosine")] - 1) / LIKE)),
        _share(held_n**2),
    ]
    tokens_n = np.array([history.segments[i].tokens for i in some_n], float) / 60
    return np.concatenate([np.stack(seen, axis=1).astype(float), rows_nF, tokens_n[:, None]], axis=1)


def _share(values_n: np.ndarray) -> np.ndarray:
    """The values as parts of their sum; zeros where there is none."""
    return values_n / (values_n.sum() or 1.0)
