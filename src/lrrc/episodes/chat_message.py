"""The text of a chat message, in the form of OpenAI's chat completions: the one reading of it, for logs and live calls.

An object with `model_dump` (a reply of the OpenAI client) is read like the dict that it dumps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.episodes.episode import ROLES
from lrrc.runtime.files import invalid_value

TEXT_KEYS = ("text", "refusal")  # of parts of a content
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")  # parts that may go with their message
CALLS = ("tool_use", "tool_call", "function_call")  # parts that say again what `tool_calls` says


@dataclass(frozen=True)
class ChatText:
    """What a message says: texts of all parts and `tool(arguments)` of every call, joined by line breaks.

    `calls` are (id, tool) of the calls it makes; `unknown` counts parts without text (images, audio, files).
    """

    text: str
    calls: tuple[tuple[str, str], ...]
    unknown: int


def repair_surrogates(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def as_dict(message: Any, where: str, inside: str = "") -> Mapping[str, Any]:
    """The message as a mapping with a known role. Raises ValueError naming `where` and the field, after `inside`."""
    if not isinstance(message, Mapping) and hasattr(message, "model_dump"):
        message = message.model_dump(mode="json", exclude_none=True)
    if not isinstance(message, Mapping):
        raise invalid_value(where, inside.removesuffix(".") or "message", message, "an object with role and content")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise invalid_value(where, f"{inside}role", role, f"one of {', '.join(ROLES)}")
    return message


def blocks_in(content: Any) -> list[Mapping[str, Any]]:
    """Those parts of a content that are objects."""
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def read_text(message: Mapping[str, Any], where: str, inside: str = "") -> ChatText:
    """Raises ValueError that names `where` and the field, after `inside`."""
    calls = _calls(message, where, inside)
    text, unknown = _content(message.get("content"), THOUGHTS + (CALLS if calls else ()), where, inside)
    text = text or refusal_of(message)
    lines = [text] if text or not calls else []
    text = repair_surrogates("\n".join([*lines, *(f"{tool}({arguments})" for _, tool, arguments in calls)]))
    pairs = tuple((repair_surrogates(key), repair_surrogates(tool)) for key, tool, _ in calls)
    return ChatText(text, pairs, unknown + bool(message.get("audio")))


def refusal_of(message: Mapping[str, Any]) -> str:
    """What a message without content says all the same, in a field of its own."""
    refusal = message.get("refusal")
    return refusal if isinstance(refusal, str) and not message.get("content") else ""


def text_of(message: Any) -> str:
    """The text that a receipt's sources are slices of. Raises ValueError."""
    return read_text(as_dict(message, "message"), "message").text


def _content(content: Any, silent: Sequence[str], where: str, inside: str) -> tuple[str, int]:
    """The text of a content, and how many of its parts have none; parts of a `silent` type do not count."""
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, Sequence) or isinstance(content, (bytes, bytearray)):
        raise invalid_value(where, f"{inside}content", content, "a text, null or a list of parts")
    texts, unknown = [], 0
    for i, part in enumerate(content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            said = next((part[key] for key in TEXT_KEYS if isinstance(part.get(key), str)), None)
            if said is not None:
                texts.append(said)
            elif part.get("type") not in silent:
                unknown += 1
        else:
            raise invalid_value(where, f"{inside}content[{i}]", part, "a text or an object")
    return "\n".join(texts), unknown


def _calls(message: Mapping[str, Any], where: str, inside: str) -> list[tuple[str, str, str]]:
    """(id, tool, arguments) of every call."""
    listed = message.get("tool_calls") or []
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise invalid_value(where, f"{inside}tool_calls", listed, "a list of calls")
    found = []
    for i, call in enumerate(listed):
        body = (call.get("function") or call.get("custom")) if isinstance(call, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(body.get("name"), str):
            raise invalid_value(where, f"{inside}tool_calls[{i}]", call, "an object with id and function")
        found.append((str(call.get("id")), body["name"], _arguments(body)))
    old = message.get("function_call")
    if isinstance(old, Mapping) and isinstance(old.get("name"), str):
        found.append((f"function {old['name']}", old["name"], _arguments(old)))
    return found


def _arguments(body: Mapping[str, Any]) -> str:
    value = body.get("arguments", body.get("input", ""))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
