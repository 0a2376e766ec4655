"""What is sent and billed with a message and stands in no digest: thoughts, refusals, pictures; tools and schemas.

What has a text is counted by it, what has none is named by its kind, in the middleware and in estimates of logs alike.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrrc.episodes.chat_message import CALLS, TEXT_KEYS, THOUGHTS, refusal_of, repair_surrogates
from lrrc.pretrained import tokens

# fields beside the content that are sent and read by models, as different makers name them
FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks", "thought", "refusal")
UNREAD = ("type", "id", "index", "format", "signature")  # no text, in parts of thoughts
SEALED = ("data", "encrypted_content")  # there, thoughts that only the provider reads
COUNTED = ("role", "content", "name", "tool_calls", "tool_call_id", "function_call", "audio", *FIELDS)
MARKS = ("id", "type", "cache_control", "prefix", "partial", "weight")  # for the server, and nothing that a model reads
NOTES = ("object", "status", "model", "usage", "finish_reason", "annotations", "parsed", "provider_specific_fields")
KNOWN = frozenset((*COUNTED, *MARKS, *NOTES, "metadata"))  # notes are a client's own, of a reply


@dataclass
class Unquoted:
    """`texts`: every text once, with the field or type of part that it stands in. `kinds` of what has no text: parts,
    sealed thoughts, fields of unknown meaning."""

    texts: dict[str, str] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)

    def take(self, value: Any, kind: str) -> None:
        """A value with all the texts in it."""
        found, sealed = _texts(value)
        for text in found:
            self.texts.setdefault(repair_surrogates(text), kind)
        if sealed or (value and not found):
            self.kinds.append(kind)

    @property
    def tokens(self) -> int:
        return tokens.count("\n".join(self.texts)) if self.texts else 0


def unquoted_of(message: Mapping[str, Any], calls: bool) -> Unquoted:
    """Of one message, which makes `calls` or does not."""
    found = Unquoted()
    for key in FIELDS:
        if key != "refusal" or not refusal_of(message):
            found.take(message.get(key), key)
    content = message.get("content")
    for part in content if isinstance(content, Sequence) and not isinstance(content, str) else ():
        if not isinstance(part, Mapping) or any(isinstance(part.get(key), str) for key in TEXT_KEYS):
            continue
        kind = part.get("type")
        if kind in THOUGHTS:
            found.take(part, kind)
        elif not (calls and kind in CALLS):
            found.kinds.append(kind if isinstance(kind, str) else "part")
    if message.get("audio"):
        found.kinds.append("audio")
    found.kinds += [str(key)[:40] for key, value in message.items() if key not in KNOWN and _is_content(value)]
    found.kinds = [repair_surrogates(kind) for kind in found.kinds]
    return found


def beside_texts(tools: Any, response_format: Any) -> list[str]:
    """What is sent beside the messages of a call, as JSON: definitions of tools, the schema of the answer."""
    form = response_format if isinstance(response_format, Mapping) else {}
    schema = {key: value for key, value in form.items() if key != "type"}
    return [json.dumps(value, default=str) for value in (tools, schema) if value]


@dataclass
class NotHeld:
    """What episodes, which have texts that may be quoted, do not hold of the messages they were made of: by kind, the
    `tokens` of thoughts and the like, and the number of `parts` that have no text."""

    tokens: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)

    def note(self, found: Unquoted) -> None:
        self.parts.update(found.kinds)
        for text, kind in found.texts.items():
            self.tokens[kind] += tokens.count(text)


def _is_content(value: Any) -> bool:
    """May a field of unknown meaning hold what a model reads? Flags and numbers do not."""
    return bool(value) and isinstance(value, (str, Mapping, Sequence))


def _texts(value: Any) -> tuple[list[str], bool]:
    """Every text inside a value however deep, but for names of kinds; and is something of it sealed?"""
    texts, sealed, left = [], False, [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            texts += [value] if value else []
        elif isinstance(value, Mapping):
            sealed = sealed or any(value.get(key) for key in SEALED)
            left += reversed([inner for key, inner in value.items() if key not in (*UNREAD, *SEALED)])
        elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            left += reversed(value)
    return texts, sealed
