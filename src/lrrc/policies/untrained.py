"""Policies without training: what a user would write in an afternoon, and Full-Context itself (docs/method.md 4)."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from lrrc.digest.additive import Line
from lrrc.digest.corrections import corrections_first
from lrrc.digest.features import question
from lrrc.digest.history import History
from lrrc.digest.place_prior import log_prior
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.words import words_of
from lrrc.digest.writer import write_digest
from lrrc.episodes.episode import Message
from lrrc.policies.base import Policy, RankedHistory, Session, heard_only
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained.sentence_encoder import NO_VECTORS, SentenceEncoder

PACKAGED_LINE = Path(__file__).parents[1] / "packaged" / "line.json"  # of results/kinds


class FullContextSession(Session):
    """Everything: what agents do today."""

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        return self.whole(range(len(self.history.messages)))


class NoHistorySession(Session):
    """Nothing but the question: what the history is worth at all is read against this."""

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        return self.whole(range(0))


class NoHistory(Policy):
    session_type = NoHistorySession


class FullContext(Policy):
    session_type = FullContextSession


class TruncatedSession(Session):
    policy: Truncated

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        turns = self.history.message_turn
        return self.whole(range(bisect_left(turns, self.history.turns - self.policy.spec.truncated_turns), len(turns)))


class Truncated(Policy):
    """The last `truncated_turns` turns."""

    session_type = TruncatedSession


def recency(history: History, query: str, agent: str) -> np.ndarray:
    """Newest first."""
    return np.arange(len(history.segments), dtype=float)


def first_sentences(history: History, query: str, agent: str) -> np.ndarray:
    """The first segment of every message, newest message first, then the second of every message, and so on."""
    return -history.place_N + history.message_N / (1 + len(history.messages))


def lead(history: History, query: str, agent: str) -> np.ndarray:
    """Newer messages, their first sentences, own words, all by degrees (lrrc.digest.place_prior)."""
    return log_prior(history, agent)


def bm25(history: History, query: str, agent: str, k1: float = 1.5, b: float = 0.75) -> np.ndarray:
    """Okapi BM25 of the query against every segment; newest first where it says nothing."""
    from lrrc.policies.bm25 import bm25_scores

    if not history.index.words:
        return recency(history, query, agent)
    return bm25_scores(history.index, words_of(query), k1, b) + 1e-9 * recency(history, query, agent)


def embedding(history: History, query: str, agent: str) -> np.ndarray:
    """Cosine of the query's embedding and the segment's."""
    return history.embeddings_NE @ history.encoder.encode([query])[0]


class ExtractiveSession(Session):
    policy: Extractive

    def scores(self, inputs: Sequence[Message], agent: str) -> np.ndarray:
        """Of every segment [N]."""
        text = "\n".join(message.content for message in inputs)
        query = question(text) if self.policy.spec.query == "question" else text
        return self.policy.score(self.history, query, agent)

    def ranked(self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()) -> RankedHistory:
        """The history as a call of `agent` sees it."""
        return RankedHistory(self.history, self.unsent(self.scores(inputs, agent), sent))

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        if not self.history.segments:
            return EMPTY_DIGEST
        return self.policy.write(self.ranked(inputs, agent, sent), budget or 0)


class Extractive(Policy):
    """The best-scored segments at a budget."""

    session_type = ExtractiveSession

    def __init__(self, spec: PolicySpec, encoder: SentenceEncoder = NO_VECTORS, checkpoint: str | None = None):
        super().__init__(spec, encoder, checkpoint)
        self.score = partial(bm25, k1=spec.bm25[0], b=spec.bm25[1]) if spec.name == "bm25" else SCORES.get(spec.name)
        self.rules = replace(spec.rules, least_share=0.0, least_gain=0.0)  # its scores are no gains

    def write(self, ranked: RankedHistory, budget: int) -> Selection:
        """The digest of ranked segments."""
        scores_N = heard_only(ranked.scores_N, ranked.history, self.spec.speakers)
        if self.rules.prior:
            scores_N = corrections_first(scores_N, ranked.history)
        return write_digest(ranked.history, scores_N, budget, self.rules)


class AdditiveSession(ExtractiveSession):
    policy: Additive

    def scores(self, inputs: Sequence[Message], agent: str) -> np.ndarray:
        if self.policy.spec.query == "question" and inputs:
            asked = question("\n".join(message.content for message in inputs))
            inputs = [Message(inputs[-1].role, asked, inputs[-1].name)]
        return self.policy.line.scores(self.history, inputs, agent)


class Additive(Extractive):
    """A line of few weights over place, speaker, length and words (lrrc.digest.additive)."""

    session_type = AdditiveSession

    @cached_property
    def line(self) -> Line:
        """The one that comes with the package, fitted on every kind."""
        return Line.read(PACKAGED_LINE)

    def with_line(self, line: Line) -> Additive:
        """The same policy with another line."""
        other = copy.copy(self)
        other.line = line
        return other

    def with_spec(self, spec: PolicySpec) -> Additive:
        other = type(self)(spec, self.encoder, self.checkpoint)
        return other.with_line(self.line)


SCORES = {"recency": recency, "first-sentences": first_sentences, "lead": lead, "bm25": bm25, "embedding": embedding}
KINDS = {
    "no-history": NoHistory,
    "full-context": FullContext,
    "truncated-history": Truncated,
    "additive": Additive,
    **dict.fromkeys(SCORES, Extractive),
}
