"""Message lists in the form of OpenAI's chat completions, as the coordinator reads them.

The messages themselves are never changed: what is sent as it stands is the object that was given. An object with
`model_dump` (a reply of the OpenAI client) is read like the dict that it dumps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrrc.episodes.episode import ROLES, Message
from lrrc.episodes.parsing import repair_surrogates
from lrrc.pretrained import tokens
from lrrc.runtime.files import invalid_value

TEXT_KEYS = ("text", "refusal")  # of parts of a content
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")  # parts that may go with their message
CALLS = ("tool_use", "tool_call", "function_call")  # parts that say again what `tool_calls` says
ROOT = b""  # the chain of no message


@dataclass(frozen=True)
class ReadMessage:
    """A message read: `text` is what a digest may quote, `tokens` = n(text).

    `unknown` counts parts without text (images, audio, files). `calls` are (id, tool) of the calls it makes, `answers`
    is the id of the call whose result it is.
    """

    role: str  # "system" | "user" | "assistant" | "tool"
    text: str
    name: str | None
    tokens: int
    unknown: int
    calls: tuple[tuple[str, str], ...]
    answers: str | None
    fingerprint: bytes  # of the whole message

    @property
    def spoken(self) -> Message:
        """As policies take it."""
        return Message(self.role, self.text, self.name)


def as_dict(message: Any, where: str) -> Mapping[str, Any]:
    """The message as a mapping with a known role. Raises ValueError."""
    if not isinstance(message, Mapping) and hasattr(message, "model_dump"):
        message = message.model_dump(mode="json", exclude_none=True)
    if not isinstance(message, Mapping):
        raise invalid_value(where, "message", message, "an object with role and content")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise invalid_value(where, "role", role, f"one of {', '.join(ROLES)}")
    return message


def fingerprint(value: Any, where: str) -> bytes:
    """A hash of anything that JSON can say. Raises ValueError for the rest."""
    try:
        text = json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{where}: cannot be sent as JSON: {reason}") from None
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def prefix_hashes(fingerprints: Iterable[bytes]) -> list[bytes]:
    """Hashes of every prefix, the empty one first: equal hashes, equal beginnings."""
    links = [ROOT]
    for each in fingerprints:
        links.append(hashlib.blake2b(links[-1] + each, digest_size=16).digest())
    return links


def read_message(message: Mapping[str, Any], mark: bytes, where: str) -> ReadMessage:
    """Raises ValueError that names `where` and the field."""
    role, name = ROLES[message["role"]], message.get("name")
    if name is not None and not isinstance(name, str):
        raise invalid_value(where, "name", name, "a text or null")
    calls = _calls(message, where)
    text, unknown = _content(message.get("content"), THOUGHTS + (CALLS if calls else ()), where)
    lines = [text] if text or not calls else []
    text = repair_surrogates("\n".join([*lines, *(f"{tool}({arguments})" for _, tool, arguments in calls)]))
    unknown += bool(message.get("audio"))
    answers = message.get("tool_call_id")
    if answers is None and message["role"] == "function":
        answers = f"function {name}"
    if answers is not None and not isinstance(answers, str):
        raise invalid_value(where, "tool_call_id", answers, "a text or null")
    pairs = tuple((repair_surrogates(key), repair_surrogates(tool)) for key, tool, _ in calls)
    name = repair_surrogates(name) if name else None
    answers = repair_surrogates(answers) if answers else answers
    return ReadMessage(role, text, name, tokens.count(text), unknown, pairs, answers if role == "tool" else None, mark)


def text_of(message: Any) -> str:
    """The text that a receipt's sources are slices of: texts of all parts and `tool(arguments)` of every call, joined
    by line breaks."""
    return read_message(as_dict(message, "message"), ROOT, "message").text


def _content(content: Any, silent: Sequence[str], where: str) -> tuple[str, int]:
    """The text of a content, and how many of its parts have none; parts of a `silent` type do not count."""
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, Sequence) or isinstance(content, (bytes, bytearray)):
        raise invalid_value(where, "content", content, "a text, null or a list of parts")
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
            raise invalid_value(where, f"content[{i}]", part, "a text or an object")
    return "\n".join(texts), unknown


def _calls(message: Mapping[str, Any], where: str) -> list[tuple[str, str, str]]:
    """(id, tool, arguments) of every call."""
    listed = message.get("tool_calls") or []
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise invalid_value(where, "tool_calls", listed, "a list of calls")
    found = []
    for i, call in enumerate(listed):
        body = (call.get("function") or call.get("custom")) if isinstance(call, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(body.get("name"), str):
            raise invalid_value(where, f"tool_calls[{i}]", call, "an object with id and function")
        found.append((str(call.get("id")), body["name"], _arguments(body)))
    old = message.get("function_call")
    if isinstance(old, Mapping) and isinstance(old.get("name"), str):
        found.append((f"function {old['name']}", old["name"], _arguments(old)))
    return found


def _arguments(body: Mapping[str, Any]) -> str:
    value = body.get("arguments", body.get("input", ""))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def exchange_roots(items: Sequence[ReadMessage]) -> list[int]:
    """For every message the index of the one that opened its tool exchange: of a result, the message with the call; of
    any other, its own. Where ids repeat, a result belongs to the latest call."""
    opened: dict[str, int] = {}
    roots = []
    for i, item in enumerate(items):
        root = i
        if item.role == "tool":
            follows = i > 0 and (items[roots[-1]].calls or items[roots[-1]].role == "tool")
            root = opened.get(item.answers, i) if item.answers is not None else roots[-1] if follows else i
        for key, _ in item.calls:
            opened[key] = i
        roots.append(root)
    return roots
