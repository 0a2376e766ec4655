"""What policies with a network have in common, whatever computes it (docs/method.md 3 and 4).

A session keeps the shared state and steps it once per turn, so the cost of a turn depends on that turn's text alone.
Shape suffixes: N segments so far, n of one turn or of those scored, E encoder width, V buckets, Q features of a query.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from lrrc.digest.additive import Line
from lrrc.digest.corrections import corrections_first
from lrrc.digest.features import Query
from lrrc.digest.growing_rows import stretches
from lrrc.digest.history import History
from lrrc.digest.place_prior import by_rank, mix_with_prior, share_of_the_question
from lrrc.digest.ranking import promise
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import DigestRules, write_digest
from lrrc.episodes.episode import Message
from lrrc.policies.base import Policy, RankedHistory, Session, heard_only
from lrrc.policies.spec import PolicySpec

MOST = 16_384  # segments that the network scores for a call; 200,000 tokens of talk have as many
AT_ONCE = 4_096  # segments that are scored together: what that takes stays in a processor's cache


def worth_scoring(history: History, asked: Mapping[str, float]) -> np.ndarray:
    """The segments that the network scores, ascending: all; of a history of more than MOST the newest half of MOST, and
    as many older ones that have the most of what is asked (`asked` weighs its words)."""
    older = len(history.segments) - MOST // 2
    if older <= MOST // 2:
        return np.arange(len(history.segments))
    held_N = share_of_the_question(history, asked, older)
    best = np.argpartition(held_N, -(MOST // 2))[-(MOST // 2) :]
    return np.concatenate([np.sort(best), np.arange(older, len(history.segments))])


@dataclass(frozen=True)
class ScoredHistory(RankedHistory):
    """And logits of essential words [V]."""

    logits_V: np.ndarray


class ScoringSession(Session):
    """Subclasses define `step` and the network's part of a call: `prompt`, `score_some`, `essential`."""

    policy: ScoringPolicy

    def prompt(self, query_E: np.ndarray, agent: int) -> Any:
        """The prompt embedding for a call of an agent, by number."""
        raise NotImplementedError

    def score_some(self, prompt: Any, asked_Qn: np.ndarray, some_n: np.ndarray) -> np.ndarray:
        """What the network gives some segments [n], which have these features of the query."""
        raise NotImplementedError

    def essential(self, prompt: Any) -> np.ndarray:
        """Logits [V] of essential words."""
        raise NotImplementedError

    def scores(
        self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Segment scores [N] and logits of essential words [V] for a call of `agent`; of what is `sent`, none."""
        query = Query.of(inputs, self.history.encoder)
        prompt = self.prompt(query.embedding_E, self.history.agent_number(agent))
        some_n = worth_scoring(self.history, query.asked_weights)
        asked_Qn = self.history.query_features(query, some_n)
        parts = stretches(len(some_n), AT_ONCE)
        scored_n = np.concatenate([self.score_some(prompt, asked_Qn[:, here], some_n[here]) for here in parts])
        scores_N = np.full(len(self.history.segments), scored_n.min(initial=np.inf))
        scores_N[some_n] = scored_n
        scores_N, share = self.unsent(scores_N, sent), self.policy.spec.rules.prior
        known = (query, asked_Qn) if len(some_n) == len(scores_N) else None
        place_N = self.line_shares(inputs, agent, known) if share and self.policy.line else None
        scores_N = mix_with_prior(scores_N, self.history, agent, share, query.asked_weights, place_N)
        return scores_N, self.essential(prompt)

    def line_shares(
        self, inputs: Sequence[Message], agent: str, known: tuple[Query, np.ndarray] | None = None
    ) -> np.ndarray:
        """Logarithms [N] of what the policy's line deals to every segment; `known` as additive_features has it."""
        return by_rank(self.policy.line.scores(self.history, inputs, agent, known))

    def propose(
        self, inputs: Sequence[Message], agent: str, budget: int | None, sent: Collection[int] = ()
    ) -> Selection:
        if not self.history.segments:
            return EMPTY_DIGEST
        return self.policy.write(self.ranked(inputs, agent, sent), budget or 0)

    def ranked(self, inputs: Sequence[Message], agent: str, sent: Collection[int] = ()) -> ScoredHistory:
        """The history as a call of `agent` sees it."""
        scores_N, logits_V = self.scores(inputs, agent, sent)
        return ScoredHistory(self.history, scores_N, logits_V)


class ScoringPolicy(Policy):
    """An encoder, a network of whatever kind, and the rule that writes digests.

    `line`: what conversations unlike those trained on are known by (lrrc.digest.additive), in place of place alone; its
    digests fill the budget, as its shares say nothing of how much is worth sending.
    """

    line: Line | None = None

    def with_spec(self, spec: PolicySpec) -> Self:
        other = copy.copy(self)
        other.spec = spec
        return other

    def with_line(self, line: Line | None) -> Self:
        """The same policy with another line."""
        other = copy.copy(self)
        other.line = line
        return other

    def write(self, scored: ScoredHistory, budget: int, rules: DigestRules | None = None) -> Selection:
        """The digest of scored segments, by `rules`, or those of the policy."""
        rules, history = rules or self.spec.rules, scored.history
        if self.line and rules.prior:
            rules = replace(rules, least_share=0.0)
        scores_N = corrections_first(scored.scores_N, history) if rules.prior else scored.scores_N
        scores_N = heard_only(scores_N, history, self.spec.speakers)
        worth = promise(heard_only(scored.scores_N, history, self.spec.speakers))
        return write_digest(history, scores_N, budget, rules, worth)
