"""What policies send for logged replies, at equal mean tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.evaluation.fidelity.replies import LoggedReply

if TYPE_CHECKING:
    from lrrc.digest.writer import Digest
    from lrrc.episodes.episode import Message
    from lrrc.policies.base import Kept, Policy, Session


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
    return [_sent(session, session.choose(t.inputs, t.agent)) for t, session in sessions(policy, targets)]


def _sent(session: Session, what: Digest | Kept) -> tuple[str, list[Message], int]:
    from lrrc.digest.writer import Digest

    if isinstance(what, Digest):
        return what.text, [], what.tokens
    messages = [session.history.messages[i] for i in what.messages]
    return "", messages, sum(session.message_tokens[i] for i in what.messages)


def digests_at_equal_tokens(policy: Any, targets: Sequence[LoggedReply]) -> list[tuple[str, list[Message], int]]:
    """Digests of a learned policy that cost together what recency's do (or less, where nothing more is worth it)."""
    kept = policy.budget, policy.least_share, policy.least_gain
    budget, allowed = policy.budget, mean_recency_tokens(policy, targets)
    held = []
    for target, session in sessions(policy, targets):
        scores_N, logits_V = session.scores(target.inputs, target.agent)
        scores_N = scores_N - np.logaddexp.reduce(scores_N)  # shares: how much is promised in all is known least
        whole = sum(session.message_tokens)
        messages = list(session.history.messages)
        held.append(((session.history, scores_N, logits_V, session.standing_N.rows), whole, messages))

    def digests(gain: float) -> list[Digest]:
        policy.budget, policy.least_share, policy.least_gain = REACH * budget, 0.0, gain
        return [policy.write(*known) for known, *_ in held]

    low, high = -12.0, 4.0  # logarithms of shares a token
    try:
        for _ in range(STEPS):
            middle = (low + high) / 2
            mean = np.mean([d.tokens for d in digests(float(np.exp(middle)))])
            low, high = (middle, high) if mean > allowed else (low, middle)
        made = digests(float(np.exp(high)))
    finally:
        policy.budget, policy.least_share, policy.least_gain = kept
    return [
        ("", messages, whole) if whole <= d.tokens else (d.text, [], d.tokens)
        for d, (_, whole, messages) in zip(made, held, strict=True)
    ]


def mean_recency_tokens(policy: Policy, targets: Sequence[LoggedReply]) -> float:
    """Mean tokens that a rule which fills the budget in every call sends for these targets: segments seldom fill it."""
    from lrrc.policies.registry import load_policy

    plain = load_policy("recency", policy.budget, max_segment_tokens=policy.max_segment_tokens)
    return float(np.mean([tokens for *_, tokens in sent_by(plain, targets)]))
