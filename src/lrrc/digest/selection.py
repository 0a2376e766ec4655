"""What a policy sends of a history: spans of its messages, copied into a digest or standing as whole messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from lrrc.digest.history import History


@dataclass(frozen=True)
class Span:
    """content[start:end] of message number `message` of the history."""

    message: int
    start: int
    end: int


@dataclass(frozen=True)
class Selection:
    """Spans in the order in which they are sent, and the tokens of what is sent.

    `text` is the digest that the spans are copied into ("" where nothing is sent), tokens = n(text). It is None where
    whole messages stand as they are: their spans are their whole texts. `standing` are the spans of a digest that it
    holds because they are standing rules (lrrc.digest.standing_rules).
    """

    spans: Sequence[Span]
    tokens: int
    text: str | None
    standing: tuple[Span, ...] = ()

    @property
    def messages(self) -> range:
        """The whole messages that are sent as they stand, by index; they follow one another."""
        return self.spans.messages if isinstance(self.spans, WholeMessages) else range(0)


class WholeMessages(Sequence[Span]):
    """The whole texts of consecutive messages as spans, made when asked for: long histories are sent often."""

    def __init__(self, history: History, messages: range):
        self.history, self.messages = history, messages

    def __len__(self) -> int:
        return len(self.messages)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> WholeMessages: ...
    def __getitem__(self, index):
        if isinstance(index, slice):
            return WholeMessages(self.history, self.messages[index])
        message = self.messages[index]
        return Span(message, 0, len(self.history.messages[message].content))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


EMPTY_DIGEST = Selection((), 0, "")
