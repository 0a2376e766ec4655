"""What was sent instead of what, what it costs, and where every word of the digest came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lrrc.digest.selection import Span
from lrrc.middleware.tariff import Tariff


@dataclass(frozen=True)
class Receipt:
    """The record of one composed call. Tokens are cl100k; all counts include system prompt and tools.

    conversation     its name, or where it has none a key that the coordinator gave it. It is no part of what was done:
                     equal receipts may differ in it
    action           "passed" (the messages as given), "rewritten" (a new digest) or "kept" (the digest of an earlier
                     call, unchanged, so that the provider's prefix cache still hits)
    reason           why, in a few words
    tokens_before    of the messages as given
    tokens_after     of the payload: fresh_tokens + reusable_tokens
    reusable_tokens  of leading messages that the agent's previous payload had too (0 below cache_minimum)
    digest_tokens    of the digest, with the words that say what it is. Where it stands in a message together with
                     others, tokens_after counts that message whole
    tools_tokens     of the tools' definitions and the answer's schema, in both counts; of a system prompt that is no
                     message, too
    billed_before    what the messages as given would have cost, by `prices`, with their own cache hits
    billed_after     what the payload costs
    prices           those of the call's model, and where they are from; None where nothing was counted
    unknown_parts    images and other parts without text in the payload, whose tokens are not counted
    unknown_kinds    the kind of each of them
    kept             messages of those given that the payload has as they are, by index
    merged           messages of those given whose whole content the payload has in a message together with the digest
                     or with each other, or without its thoughts: for every such message their indices, in the order
                     of their texts
    sources          where the digest's text stands: text[start:end] of message number `message` of those given
                     (text = lrrc.episodes.chat_message.text_of(message))
    standing         those of `sources` that it holds because they are standing rules
    """

    policy: str
    checkpoint: str | None
    agent: str | None
    budget: int | None
    action: str
    reason: str
    tokens_before: int
    tokens_after: int
    digest_tokens: int
    tools_tokens: int
    fresh_tokens: int
    reusable_tokens: int
    billed_before: float
    billed_after: float
    unknown_parts: int
    unknown_kinds: tuple[str, ...]
    kept: tuple[int, ...]
    merged: tuple[tuple[int, ...], ...]
    sources: tuple[Span, ...]
    standing: tuple[Span, ...]
    conversation: str = field(compare=False)
    prices: Tariff | None = None

    @classmethod
    def unread(cls, policy: str, checkpoint: str | None, agent: str | None, reason: str, conversation: str) -> Receipt:
        """Of messages that were sent as they are because they could not be read: every count is 0, and one part of the
        kind "prompt" is unknown."""
        none = [0] * 8
        return cls(
            policy, checkpoint, agent, None, "passed", reason, *none, 1, ("prompt",), (), (), (), (), conversation
        )

    @property
    def full(self) -> bool:
        """Was everything sent?"""
        return self.action == "passed"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "full": self.full}
