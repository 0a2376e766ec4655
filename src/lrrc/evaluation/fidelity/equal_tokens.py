"""What policies send for logged replies, at equal mean tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lrrc.evaluation.fidelity.replies import LoggedReply

if TYPE_CHECKING:
    from lrrc.digest.selection import Selection
    from lrrc.episodes.episode import Message
    from lrrc.policies.base import Policy, Session
    from lrrc.policies.learned import Learned


REACH = 4  # an adaptive digest may hold so many budgets
STEPS = 24  # halvings in the search for the least gain


def sessions(policy: Policy, targets: Sequence[LoggedReply]) -> Iterable[tuple[LoggedReply, Session]]:
    """Every target with a session that has observed the turns before it."""
    session, current = None, None
    for target in targets:
        if session is None or target.episode is not current or session.history.turns > target.turn:
            session, current = policy.session(target.episode.agents), target.episode
        for turn in current.turns[session.history.turns : target.turn]:
            session.observe([*turn.inputs, *turn.replies])
        yield target, session


def sent_by(policy: Policy, targets: Sequence[LoggedReply]) -> list[tuple[str, list[Message], int]]:
    """What a policy sends of the history for every target: digest, whole messages, tokens."""
    if policy.name in ("lrrc", "rims-only", "ccf-only"):
        return digests_at_equal_tokens(policy, targets)
    return sent_as_is(policy, targets)


def sent_as_is(policy: Policy, targets: Sequence[LoggedReply]) -> list[tuple[str, list[Message], int]]:
    """The same, whatever it costs."""
    found = []
    for target, session in sessions(policy, targets):
        sent = session.select(target.inputs, target.agent, policy.spec.budget)
        found.append((sent.text or "", [session.history.messages[i] for i in sent.messages], sent.tokens))
    return found


def digests_at_equal_tokens(policy: Learned, targets: Sequence[LoggedReply]) -> list[tuple[str, list[Message], int]]:
    """Digests of a learned policy that cost together what recency's do (or less, where nothing more is worth it)."""
    from lrrc.policies.scoring import ScoredHistory

    allowed, most = mean_recency_tokens(policy, targets), REACH * policy.spec.budget
    held = []
    for target, session in sessions(policy, targets):
        scores_N, logits_V = session.scores(target.inputs, target.agent)
        scores_N = scores_N - np.logaddexp.reduce(scores_N)  # shares: how much is promised in all is known least
        scored = ScoredHistory(session.history, scores_N, logits_V)
        held.append((scored, session.history_tokens, list(session.history.messages)))

    def digests(gain: float) -> list[Selection]:
        rules = replace(policy.spec.rules, least_share=0.0, least_gain=gain)
        return [policy.write(scored, most, rules) for scored, *_ in held]

    low, high = -12.0, 4.0  # logarithms of shares a token
    for _ in range(STEPS):
        middle = (low + high) / 2
        mean = np.mean([d.tokens for d in digests(float(np.exp(middle)))])
        low, high = (middle, high) if mean > allowed else (low, middle)
    return [
        ("", messages, whole) if whole <= d.tokens else (d.text, [], d.tokens)
        for d, (_, whole, messages) in zip(digests(float(np.exp(high))), held, strict=True)
    ]


def mean_recency_tokens(policy: Policy, targets: Sequence[LoggedReply]) -> float:
    """Mean tokens that a rule which fills the budget in every call sends for these targets: segments seldom fill it."""
    from lrrc.policies.registry import build_policy

    plain = build_policy(replace(policy.spec, name="recency"))
    return float(np.mean([tokens for *_, tokens in sent_by(plain, targets)]))
