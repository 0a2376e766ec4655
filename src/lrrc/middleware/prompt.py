"""A prompt as the coordinator takes it, whatever the API: messages, and the form in which that API has them.

All that is behind it knows items alone (`ReadMessage`); a form reads them, and its dialect writes what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.episodes.chat_message import as_dict
from lrrc.middleware.beside import Beside, beside_of
from lrrc.middleware.chat_messages import ReadMessage, fingerprint, read_message
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
    """The messages of a request, their fingerprints, what goes beside them, and their form."""

    messages: Sequence[Mapping[str, Any]]
    marks: Sequence[bytes]
    beside: Beside
    form: Form


CHAT_COMPLETIONS = Form(read_message, dialect_of)


def chat_prompt(
    messages: Any, tools: Sequence[Any] | None = None, response_format: Mapping[str, Any] | None = None
) -> Prompt:
    """The messages of a chat completion, as mappings. Raises ValueError."""
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes, bytearray)):
        raise invalid_value("compose", "messages", messages, "a list of messages")
    read = [as_dict(message, f"messages[{i}]") for i, message in enumerate(messages)]
    marks = [fingerprint(message, f"messages[{i}]") for i, message in enumerate(read)]
    return Prompt(read, marks, beside_of(tools, response_format), CHAT_COMPLETIONS)
