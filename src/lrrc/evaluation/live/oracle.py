"""A digest chosen with knowledge of the answer: what a budget could hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lrrc.dataset.calls import gains_by_call, whole_history
from lrrc.digest.selection import EMPTY_DIGEST, Selection
from lrrc.digest.writer import PLAIN_RULES, write_digest
from lrrc.episodes.episode import Episode, Message
from lrrc.params import Params
from lrrc.policies.base import Policy, Session
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import ORACLE


class OracleSession(Session):
    """The segments that gain the language model most on the true answer, by stored gains."""

    policy: Oracle

    def propose(self, inputs: Sequence[Message], agent: str, budget: int | None) -> Selection:
        known = self.policy.known.get(self.history.turns, np.zeros(0))
        if not len(known):
            return EMPTY_DIGEST
        scores_N = np.log(np.maximum(known, 1e-9))
        return write_digest(self.history, scores_N, budget or 0, replace(self.policy.spec.rules, standing=0.0))


class Oracle(Policy):
    """Knows the answer, so it is no policy anybody could use: the ceiling of a budget.

    `known`: gains by turn.
    """

    session_type = OracleSession

    def __init__(self, spec: PolicySpec, known: Mapping[int, np.ndarray]):
        super().__init__(spec)
        self.known = known


def oracle(episode: Episode, stored: Mapping[str, np.ndarray], params: Params) -> Oracle:
    """The oracle of one episode; `stored` are gains by key of call."""
    limit = params.embed.max_segment_tokens
    history = whole_history(episode, limit)
    known = {turn: gains_N for (turn, _), gains_N in gains_by_call(episode, history, stored).items()}
    rules = replace(PLAIN_RULES, least_share=params.digest.least_share)
    return Oracle(PolicySpec(ORACLE, params.budget, rules, max_segment_tokens=limit), known)
