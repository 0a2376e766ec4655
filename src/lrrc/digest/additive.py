"""The additive line: how much a segment is wanted in a digest, linear in what is seen of it without any learning.

    value of a segment = sum over features of weight x feature

The weights are few, and fitted on many kinds of conversation (lrrc.evaluation.kinds), so the line knows how place,
speaker, length and the words asked weigh against each other, and no kind's words. Segments are ranked by value per
token, or, where a line is `ordered`, by value: then values say who comes first, and nothing of how much a digest is
worth. Needs numpy alone.
Shape suffixes: N segments so far, n some of them, A features of the line.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.digest.dialogue import in_dialogue
from lrrc.digest.features import FEATURES, FIRST_AGENT, OTHER, USER, Query
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
OF_WORTH = (*OF_PLACE, *OF_SPEAKER, *SHARES, *AS_THEY_ARE)  # what a line of values per token is fitted on
OF_ORDER = (  # and an ordered one
    "messages_ago",
    "sentences_before",  # in its message
    "log_sentences_before",
    "tokens_before",  # in its message, in units of LONG
    "first_sentence",
    "own",
    "by_a_user",
    "in_dialogue",  # said to the agent, or by whom it speaks with (lrrc.digest.dialogue)
)
ADDITIVE_FEATURES = tuple(dict.fromkeys((*OF_WORTH, *OF_ORDER)))
LONG = 60  # tokens; of the longest segments
LABEL_TOKENS = 4  # what a segment costs beside its own tokens, about
REACH = 64  # tokens after which the shares of an order have fallen e-fold
LIKE = 0.1  # of cosine by which a share grows e-fold
_COLUMNS = [FEATURES.index(name) for name in AS_THEY_ARE]


@dataclass(frozen=True)
class Line:
    """The weights of some of ADDITIVE_FEATURES, by name; the others weigh nothing."""

    weights: Mapping[str, float]
    ordered: bool = False

    def scores(
        self,
        history: History,
        inputs: Sequence[Message],
        agent: str,
        known: tuple[Query, np.ndarray] | None = None,
    ) -> np.ndarray:
        """float64 [N]: by which the segments of a history are ranked; `known` as additive_features has it."""
        names = [name for name, weight in self.weights.items() if weight] or ["one"]
        features_NA = additive_features(history, inputs, agent, known=known, names=names)
        values_N = features_NA @ self.vector(names)
        return values_N if self.ordered else values_N / (segment_tokens(history) + LABEL_TOKENS)

    def vector(self, names: Sequence[str]) -> np.ndarray:
        """float64 [A]: the weights of features by name."""
        return np.array([self.weights.get(name, 0.0) for name in names])

    @classmethod
    def read(cls, path: Path) -> Line:
        """From a file of numbers by name. Raises ValueError where it is none."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls.of(told["weights"], told.get("ordered", False))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path}: not the weights of an additive line: {error}") from None

    @classmethod
    def of(cls, weights: Any, ordered: Any = False) -> Line:
        """Raises ValueError for names that are no features and for what is no finite number."""
        if not isinstance(ordered, bool):
            raise ValueError(f"ordered = {ordered!r}: allowed is true or false")
        if not isinstance(weights, Mapping):
            raise ValueError("weights: allowed is a number for each feature by name")
        for name, value in weights.items():
            if name not in ADDITIVE_FEATURES:
                raise ValueError(f"weights.{name}: allowed is one of {', '.join(ADDITIVE_FEATURES)}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
                raise ValueError(f"weights.{name} = {value!r}: allowed is a finite number")
        return cls({name: float(value) for name, value in weights.items()}, ordered)


def additive_features(
    history: History,
    inputs: Sequence[Message],
    agent: str,
    some_n: np.ndarray | None = None,
    known: tuple[Query, np.ndarray] | None = None,
    names: Sequence[str] = ADDITIVE_FEATURES,
) -> np.ndarray:
    """float64 [N, A], the features of `names`, for a call of `agent` that `inputs` ask for; of the segments numbered in
    `some_n` (default: all). `known`: the query and its `query_features` of these segments, where they are.
    """
    some_n = np.arange(len(history.segments)) if some_n is None else some_n
    seen = _Seen(history, inputs, agent, some_n, known)
    return np.stack([np.asarray(getattr(seen, name), float) for name in names], axis=1)


class _Seen:
    """A column [n] for every one of ADDITIVE_FEATURES, made when it is asked for."""

    def __init__(
        self,
        history: History,
        inputs: Sequence[Message],
        agent: str,
        some_n: np.ndarray,
        known: tuple[Query, np.ndarray] | None,
    ):
        self.history, self.inputs, self.agent, self.some_n, self.known = history, inputs, agent, some_n, known
        self.message_n, self.place_n = history.message_N[some_n], history.place_N[some_n]
        self.ago_n = len(history.messages) - 1 - self.message_n
        self.speaker_n = history.speaker_N[some_n]
        self.own = self.speaker_n == FIRST_AGENT + history.agent_number(agent)

    @property
    def one(self):
        return np.ones(len(self.some_n))

    @property
    def newest_message(self):
        return self.ago_n == 0

    @property
    def messages_ago(self):
        return self.ago_n

    @property
    def log_messages_ago(self):
        return np.log1p(self.ago_n)

    @property
    def first_sentence(self):
        return self.place_n == 0

    @property
    def sentences_before(self):
        return self.place_n

    @property
    def log_sentences_before(self):
        return np.log1p(self.place_n)

    @property
    def tokens_before(self):
        tokens_N, place_N = segment_tokens(self.history), self.history.place_N
        before_N = np.cumsum(tokens_N) - tokens_N
        return (before_N - before_N[np.arange(len(place_N)) - place_N])[self.some_n] / LONG

    @property
    def by_a_user(self):
        return self.speaker_n == USER

    @property
    def in_dialogue(self):
        return np.isin(self.message_n, in_dialogue(self.history.messages, self.agent))

    @property
    def tool(self):
        return self.speaker_n == OTHER

    @property
    def names_the_agent(self):
        return _naming(self.history, frozenset(words_of(self.agent)))[self.some_n] & ~self.own

    @property
    def by_the_asker(self):
        """Said by who said the last of what is asked."""
        asker = frozenset(words_of(self.inputs[-1].name or self.inputs[-1].role)) if self.inputs else frozenset()
        said_by_M = [_words_of_name(message.name or message.role) for message in self.history.messages]
        return np.array([bool(words) and words == asker for words in said_by_M], bool)[self.message_n]

    @cached_property
    def _others_n(self):
        return (self.speaker_n >= FIRST_AGENT) & ~self.own

    @cached_property
    def _tokens_n(self):
        return segment_tokens(self.history)[self.some_n]

    @property
    def place_share(self):
        return _share(np.exp(_log_place(self.place_n, self.ago_n, self._others_n)))

    @property
    def newest_share(self):
        return _share(np.exp(-PER_MESSAGE * self.ago_n))

    @property
    def last_share(self):
        return _in_order(-self.ago_n - self.place_n / (1.0 + self.place_n.max(initial=0)), self._tokens_n)

    @property
    def ends_share(self):
        return _in_order(np.arange(len(self.some_n), dtype=float), self._tokens_n)

    @property
    def firsts_share(self):
        return _in_order(-self.place_n - self.ago_n / (1.0 + self.ago_n.max(initial=0)), self._tokens_n)

    @property
    def lead_share(self):
        return _in_order(_log_place(self.place_n, self.ago_n, self._others_n), self._tokens_n)

    @cached_property
    def _query(self) -> Query:
        return self.known[0] if self.known else Query.of(self.inputs, self.history.encoder)

    @cached_property
    def _asked_n4(self):
        asked_Qn = self.known[1] if self.known else self.history.query_features(self._query, self.some_n)
        return self.history.feature_rows(asked_Qn, self.some_n)[:, _COLUMNS]

    @property
    def cosine_share(self):
        return _share(np.exp((self.cosine - 1) / LIKE))

    @property
    def asked_share(self):
        count = len(self.history.segments)
        return _share(share_of_the_question(self.history, self._query.asked_weights, count)[self.some_n] ** 2)

    @property
    def cosine(self):
        return self._asked_n4[:, 0]

    @property
    def asked_cosine(self):
        return self._asked_n4[:, 1]

    @property
    def asked_words_in_segment(self):
        return self._asked_n4[:, 2]

    @property
    def log_tokens(self):
        return self._asked_n4[:, 3]


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
