"""The rules that are met on every kind, each at the same mean tokens; two are known here alone.

mmr             what is like the question and unlike what is chosen already (maximal marginal relevance)
last-exchanges  the last five exchanges, newest message first, each from its beginning, as far as the budget goes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from lrrc.digest.history import History
from lrrc.policies.base import Policy
from lrrc.policies.registry import build_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policies.untrained import Extractive
from lrrc.pretrained.sentence_encoder import SentenceEncoder

RULES = ("recency", "first-sentences", "lead", "bm25", "embedding", "mmr", "last-exchanges")
RELEVANCE = 0.5  # weight of what is like the question; the rest counts against what is like a chosen segment
CHOSEN = 64  # segments that are ordered one by one; no budget here holds more
EXCHANGES = 5  # of two messages each


def mmr(history: History, query: str, agent: str) -> np.ndarray:
    """Scores [N] that fall in the order in which segments are chosen."""
    like_N = history.embeddings_NE @ history.encoder.encode([query])[0]
    scores_N, repeated_N = np.minimum(like_N, 1) - CHOSEN - 2, np.zeros(len(like_N))
    left_N = np.ones(len(like_N), bool)
    for number in range(min(CHOSEN, len(like_N))):
        worth_N = np.where(left_N, RELEVANCE * like_N - (1 - RELEVANCE) * repeated_N, -np.inf)
        best = int(worth_N.argmax())
        scores_N[best], left_N[best] = -number, False
        np.maximum(repeated_N, history.embeddings_NE @ history.embeddings_NE[best], out=repeated_N)
    return scores_N


def last_exchanges(history: History, query: str, agent: str) -> np.ndarray:
    """Newest message first, each from its beginning; minus infinity before the last EXCHANGES."""
    ago_N = len(history.messages) - 1 - history.message_N
    scores_N = -ago_N - history.place_N / (1.0 + history.place_N.max(initial=0))
    return np.where(ago_N < 2 * EXCHANGES, scores_N, -np.inf)


OWN: dict[str, Callable[[History, str, str], np.ndarray]] = {"mmr": mmr, "last-exchanges": last_exchanges}


class Rule(Extractive):
    """A rule of this page: a policy like any other that scores segments."""

    def __init__(self, spec: PolicySpec, encoder: SentenceEncoder, name: str):
        super().__init__(spec, encoder)
        self.score, self.own = partial(OWN[name]), name

    @property
    def name(self) -> str:
        return self.own


def rule(name: str, encoder: SentenceEncoder, budget: int) -> Policy:
    """A rule of RULES at a budget."""
    spec = PolicySpec("recency" if name in OWN else name, budget)
    return Rule(spec, encoder, name) if name in OWN else build_policy(replace(spec), encoder)
