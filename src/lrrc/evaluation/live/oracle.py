"""A digest chosen with knowledge of the answer: what a budget could hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lrrc.dataset.calls import gains_by_call, whole_history
from lrrc.digest.writer import EMPTY_DIGEST, Digest, write_digest
from lrrc.episodes.episode import Episode, Message
from lrrc.policies.base import Kept, Policy, Session
from lrrc.policy_catalogue import ORACLE


class OracleSession(Session):
    """The segments that gain the language model most on the true answer, by stored gains."""

    policy: Oracle

    def select(self, inputs: Sequence[Message], agent: str) -> Digest | Kept:
        known = self.policy.known.get(self.history.turns, np.zeros(0))
        if not len(known):
            return EMPTY_DIGEST
        scores_N = np.log(np.maximum(known, 1e-9))
        return write_digest(self.history, scores_N, self.policy.budget, least_share=self.policy.least_share)


class Oracle(Policy):
    """Knows the answer, so it is no policy anybody could use: the ceiling of a budget."""

    session_type = OracleSession

    def __init__(self, *args, known: Mapping[int, np.ndarray], least_share: float, **options):
        super().__init__(*args, **options)
        self.known, self.least_share = known, least_share


def oracle(episode: Episode, stored: Mapping[str, np.ndarray], budget: int, limit: int, least_share: float) -> Oracle:
    """The oracle of one episode at `budget`; `stored` are gains by key of call."""
    history = whole_history(episode, limit)
    known = {turn: gains_N for (turn, _), gains_N in gains_by_call(episode, history, stored).items()}
    return Oracle(ORACLE, budget, max_segment_tokens=limit, known=known, least_share=least_share)
