"""A prompt as the coordinator takes it, whatever the API: messages, and the form in which that API has them.

All that is behind it knows items alone (`ReadMessage`); a form reads them, and its dialect writes what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lrrc.digest.selection import Span
from lrrc.episodes.episode import ROLES
from lrrc.middleware.beside import Beside, beside_of
from lrrc.middleware.chat_messages import ReadMessage, fingerprint, prefix_hashes, read_message
from lrrc.middleware.client_objects import chat_dict
from lrrc.middleware.dialect import Dialect, dialect_of
from lrrc.runtime.files import invalid_value


@dataclass(frozen=True)
class Form:
    """`read(message, fingerprint, where)` reads one message, or raises ValueError; `dialect(items, wanted)` is that of
    a request, where Settings wants `wanted`."""

    read: Callable[[Mapping[str, Any], bytes, str], ReadMessage]
    dialect: Callable[[Sequence[ReadMessage], str], Dialect]


@dataclass(frozen=True)
class Prompt:
    """The messages of a request, their fingerprints, what goes beside them, and their form. `numbers`: where a message
    is made of several of those given, for each their indices."""

    messages: Sequence[Mapping[str, Any]]
    marks: Sequence[bytes]
    beside: Beside
    form: Form
    numbers: tuple[tuple[int, ...], ...] | None = None

    @cached_property
    def links(self) -> list[bytes]:
        """The chain of its body: all but system and developer messages."""
        pairs = zip(self.marks, self.messages, strict=True)
        return prefix_hashes(mark for mark, message in pairs if ROLES[message["role"]] != "system")

    @property
    def numbered(self) -> Iterator[tuple[Mapping[str, Any], tuple[int, ...]]]:
        """Every message with the indices of those given."""
        return zip(self.messages, self.numbers or [(i,) for i in range(len(self.messages))], strict=True)

    def given(self, indices: Iterable[int]) -> tuple[int, ...]:
        """Indices of the messages given, for those of messages."""
        return tuple(n for i in indices for n in (self.numbers[i] if self.numbers else (i,)))

    def spans(self, spans: Iterable[Span]) -> tuple[Span, ...]:
        """The same, of spans: their text is the first one's."""
        return tuple(Span(self.given([span.message])[0], span.start, span.end) for span in spans)


CHAT_COMPLETIONS = Form(read_message, dialect_of)


def chat_prompt(
    messages: Any, tools: Sequence[Any] | None = None, response_format: Mapping[str, Any] | None = None
) -> Prompt:
    """The messages of a chat completion, as mappings. Raises ValueError."""
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes, bytearray)):
        raise invalid_value("compose", "messages", messages, "a list of messages")
    read = [chat_dict(message, f"messages[{i}]") for i, message in enumerate(messages)]
    marks = [fingerprint(message, f"messages[{i}]") for i, message in enumerate(read)]
    return Prompt(read, marks, beside_of(tools, response_format), CHAT_COMPLETIONS)
