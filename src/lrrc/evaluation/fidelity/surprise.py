"""Fidelity: how much more the true next reply surprises a language model that reads a payload (docs/method.md 5.3).

    lrrc fidelity logs.jsonl --policies recency,bm25,lrrc --budgets 128

What is measured is the mean negative log-likelihood per token of the first tokens of the logged reply, in nats. Results
subtract its value after the full history. Lower is better, and no labels are needed.

Policies are compared at equal mean tokens (equal_tokens.py). Untrained ones fill their budget in every call. A learned
one may send little in one call and up to `REACH` budgets in another: it sends the segments that promise enough for each
of their tokens, and how much is enough is set so that, over all these calls, it sends on average what recency sends.
That is found from lengths, never from replies. System messages are the same in every payload and left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrrc.evaluation.fidelity.equal_tokens import sent_by
from lrrc.evaluation.fidelity.replies import LoggedReply

if TYPE_CHECKING:
    from lrrc.episodes.episode import Message
    from lrrc.policies.base import Policy
    from lrrc.pretrained.answers import Answers
    from lrrc.pretrained.language_model import LanguageModel, ScoringRequest


MOST_TOKENS = 6000  # of a prompt; longer ones lose their oldest tokens (the model was trained on 8,192)


def request(
    model: LanguageModel, target: LoggedReply, text: str, messages: Sequence[Message], most: int
) -> ScoringRequest:
    """The prompt that the target's agent gets, and the first tokens of what it truly said."""
    from lrrc.policies.payload import as_chat
    from lrrc.pretrained import language_model

    pairs = [(m.name or m.role, m.content) for m in messages]
    if text:
        pairs.append(("digest", text))
    pairs += [(m.name or m.role, m.content) for m in target.inputs]
    prompt = [token for pair in pairs for token in model.message(*as_chat(pair, target.agent))]
    prompt += model.reply_prefix()
    return language_model.ScoringRequest(tuple(prompt[-MOST_TOKENS:]), (model.encode(target.reply.content)[:most],))


def surprise(answers: Answers, requests: Sequence[ScoringRequest]) -> np.ndarray:
    """Mean nats per token of every request's answer."""
    return -np.array([score for (score,) in answers.score(requests)])


def measure_surprise(
    answers: Answers,
    targets: Sequence[LoggedReply],
    policies: Sequence[Policy],
    reply_tokens: int,
    labels: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """A row for every policy and target: nats per token, and tokens of history sent."""
    rows = []
    for policy in policies:
        more = (labels or {}).get(policy.name, {})
        rows += surprise_of(answers, targets, [(policy, sent_by(policy, targets), more)], reply_tokens)
    return rows


def surprise_of(
    answers: Answers,
    targets: Sequence[LoggedReply],
    sent: Sequence[tuple[Policy, Sequence[tuple], Mapping[str, Any]]],
    reply_tokens: int,
) -> list[dict[str, Any]]:
    """A row for every policy and target, given what each policy sends for the targets and its labels.

    Payloads that are the same under several of the policies are read once.
    """
    told = [(policy, *pair, more) for policy, each, more in sent for pair in zip(targets, each, strict=True)]
    nats = surprise(answers, [request(answers.model, target, *one[:2], reply_tokens) for _, target, one, _ in told])
    return [
        {
            "policy": policy.name,
            "budget": policy.spec.budget,
            "episode_id": target.episode.episode_id,
            "turn": target.turn,
            "agent": target.agent,
            "nats": float(value),
            "tokens": int(one[2]),
            **more,
        }
        for (policy, target, one, more), value in zip(told, nats, strict=True)
    ]
