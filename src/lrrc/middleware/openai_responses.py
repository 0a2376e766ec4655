"""Requests of OpenAI's Responses API, read into the items that the coordinator knows, and written back.

    payload, receipt = compose(coordinator, request)
    client.responses.create(**request | {"input": payload})

What the model put out between two inputs (thoughts, texts, calls) is one reply: thoughts and what they led to are sent
together or not at all. A result of a tool is a message of its own. Instructions and tools go beside. What differs from
chat completions:

- The digest is a message of the user, or part of one, as the request's own messages stand.
- Thoughts are sealed, but bound to no place: a running turn may be cut between two exchanges.
- Ids and states of items are the server's: items that differ in them alone have the same fingerprint.
- Items of a kind that is not known here stay where they are, and with them the reply that they are part of.
- What an agent itself puts into the user's mouth (the place it works in, its files of instructions) stays, as system
  messages do.

A history that the provider keeps (`previous_response_id`, `conversation`, references to items) cannot be shortened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrrc.digest.selection import Span
from lrrc.episodes.chat_message import repair_surrogates
from lrrc.episodes.unquoted import Unquoted, beside_texts
from lrrc.middleware.beside import WORD, Beside
from lrrc.middleware.chat_messages import ReadMessage, fingerprint, text_mark
from lrrc.middleware.client_objects import as_sent
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.dialect import LEFT_OUT, Dialect, dialect_of
from lrrc.middleware.prompt import Form, Prompt
from lrrc.middleware.recall import recall_tool
from lrrc.middleware.receipt import Receipt
from lrrc.pretrained import tokens
from lrrc.runtime.files import invalid_value

ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
CALLS = {  # a call's type -> its tool where it does not name one, and the fields of its arguments
    "function_call": ("function", ("arguments",)),
    "custom_tool_call": ("custom", ("input",)),
    "local_shell_call": ("local_shell", ("action",)),
    "shell_call": ("shell", ("action",)),
    "apply_patch_call": ("apply_patch", ("operation",)),
    "computer_call": ("computer", ("action", "actions")),
    "web_search_call": ("web_search", ("action",)),
    "mcp_call": ("mcp", ("arguments",)),
}
BY_SERVER = ("web_search_call", "mcp_call")  # their results, if any, stand in themselves
SETTINGS = ("additional_tools", "configuration_update", "compaction", "compaction_trigger")  # they stay where they are
RESULTS = ("_output", "mcp_approval_response")  # ends of the types of what a client answers
KEPT_THERE = ("previous_response_id", "conversation")
SERVERS = ("id", "status")
CONTEXT = re.compile(
    r"\s*(?:<(environment_context|user_instructions|skill|turn_aborted)>.*</\1>|# AGENTS\.md .*)\s*", re.S
)


class KeptByProvider(ValueError):
    """The request goes on from items that only the provider has."""


@dataclass(frozen=True)
class ItemDialect(Dialect):
    """Messages as lists of items. A message of the user is one item. Whoever speaks may speak behind anybody."""

    def pairs(self, found: set[tuple[str | None, str]]) -> set[tuple[str | None, str]]:
        roles = ("user", "assistant", "tool", "system")
        return {(before, role) for before in (None, *roles) for role in roles}

    def message(self, framed: str) -> dict[str, Any]:
        return _message({"type": "message", "role": "user", "content": [_text(framed)]})

    def merge(self, messages: Sequence[Mapping[str, Any]], framed: str) -> dict[str, Any]:
        """One message of the user for several: all their parts as they are, before the last one's the digest or a mark
        that something is left out."""
        *others, last = (message["items"][0] for message in messages)
        before = [part for item in others for part in _parts(item["content"])]
        merged = {key: value for key, value in last.items() if key not in SERVERS}
        return _message({**merged, "content": [*before, _text(framed or LEFT_OUT), *_parts(last["content"])]})


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "user", "items": [item]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def _parts(content: Any) -> list[Any]:
    return [_text(content)] if isinstance(content, str) else list(content)


@dataclass(frozen=True)
class ItemsPrompt(Prompt):
    """A prompt whose replies are of several items."""

    def spans(self, spans: Iterable[Span]) -> tuple[Span, ...]:
        """Of items: each has its own part of its message's text."""
        found: list[Span] = []
        for span in spans:
            start = 0
            items = self.messages[span.message]["items"]
            for number, item in zip(self.given([span.message]), items, strict=True):
                end = start + len(text_of(item))
                if span.start < end and start < span.end:
                    found.append(Span(number, max(span.start - start, 0), min(span.end, end) - start))
                start = end + (1 if end > start else 0)
        return tuple(found)


@dataclass
class _Reading:
    """What items hold. `texts` may be quoted; `thoughts`, and tools, are counted alone."""

    texts: list[str] = field(default_factory=list)
    thoughts: Unquoted = field(default_factory=Unquoted)
    kinds: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def take(self, item: Mapping[str, Any]) -> None:
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") in ROLES:
            self._say(item.get("content"))
        elif kind == "reasoning":
            self.thoughts.take(item, kind)
        elif kind in CALLS:
            self._call(item, kind)
        elif kind == "additional_tools":
            self.thoughts.texts |= dict.fromkeys(beside_texts(item.get("tools"), None), kind)
        elif kind == "configuration_update":
            pass  # for the server
        elif _is_result(item) and "output" in item:
            self._say(item["output"])
        else:
            self.kinds.append(_kind(kind))

    def _say(self, value: Any) -> None:
        for part in value if isinstance(value, list) else [value]:
            texts = [part] if isinstance(part, str) else _texts(part)
            if texts is None:
                self.kinds.append(_kind(part.get("type") if isinstance(part, Mapping) else None))
            else:
                self.texts += filter(None, texts)

    def _call(self, item: Mapping[str, Any], kind: str) -> None:
        named, fields = CALLS[kind]
        name = item["name"] if isinstance(item.get("name"), str) else named
        given = next((item[key] for key in fields if item.get(key) is not None), "")
        if not isinstance(given, str):
            given = json.dumps(given, ensure_ascii=False, sort_keys=True)
        self.texts.append(f"{name}({given})")
        if kind in BY_SERVER:
            self._say(item.get("output") or [])
        else:
            self.calls.append((_key(item), repair_surrogates(name)))


def _texts(part: Any) -> list[str] | None:
    """Of a part of a content, or of what a shell answered; None where it has no text."""
    if isinstance(part, Mapping):
        found = [part[key] for key in ("text", "refusal", "stdout", "stderr") if isinstance(part.get(key), str)]
        return found or None
    return None


def _kind(kind: Any) -> str:
    return repair_surrogates(kind)[:40] if isinstance(kind, str) else "part"


def _key(item: Mapping[str, Any]) -> str:
    """By which calls and results find each other."""
    keys = (item.get(key) for key in ("call_id", "approval_request_id", "id"))
    return repair_surrogates(next((key for key in keys if isinstance(key, str)), ""))


def _is_result(item: Mapping[str, Any]) -> bool:
    return str(item.get("type")).endswith(RESULTS) and item.get("type") != "program_output"


def role_of(item: Mapping[str, Any]) -> str:
    """user, assistant, system or tool: who speaks in an item that `checked` took."""
    if item.get("type", "message") == "message":
        role = ROLES[item["role"]]
        if role != "user":
            return role
        part = _only_part(item)
        return "system" if CONTEXT.fullmatch(text_of(item) if part is None else part["text"]) else role
    if _is_result(item):
        return "tool"
    return "system" if item["type"] in SETTINGS else "assistant"


def text_of(item: Mapping[str, Any]) -> str:
    """What may be quoted of an item."""
    found = _Reading()
    found.take(item)
    return repair_surrogates("\n".join(found.texts))


def read_message(message: Mapping[str, Any], mark: bytes, where: str) -> ReadMessage:
    """A message of one or more items."""
    found, items = _Reading(), message["items"]
    for item in items:
        found.take(item)
    text = repair_surrogates("\n".join(found.texts))
    result = message["role"] == "tool"
    return ReadMessage(
        role=message["role"],
        text=text,
        name=None,
        tokens=tokens.count(text) + found.thoughts.tokens,
        unknown=len(found.kinds),
        calls=tuple(found.calls),
        answers=_key(items[0]) if result else None,
        fingerprint=mark,
        kinds=(*found.kinds, *found.thoughts.kinds),
    )


def item_dialect(items: Sequence[ReadMessage], wanted: str) -> ItemDialect:
    return ItemDialect(False, dialect_of(items, wanted).merged)


OPENAI_RESPONSES = Form(read_message, item_dialect)


def responses_prompt(request: Mapping[str, Any]) -> ItemsPrompt:
    """The prompt of a request's body. Raises ValueError that names the field, KeptByProvider where the history is not
    in it."""
    if any(request.get(key) for key in KEPT_THERE):
        raise KeptByProvider("request: goes on from what the provider keeps")
    given = request.get("input")
    if not isinstance(given, (str, list)):
        raise invalid_value("request", "input", given, "a text or a list of items")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    items = [as_sent(item, f"input[{i}]") for i, item in enumerate(items)]
    groups: list[tuple[str, list[int]]] = []
    for i, item in enumerate(items):
        role = role_of(checked(item, f"input[{i}]"))
        if groups and groups[-1][0] == role == "assistant":
            groups[-1][1].append(i)
        else:
            groups.append((role, [i]))
    beside = _beside(request)
    messages: list[dict[str, Any]] = [{"role": role, "items": [items[i] for i in own]} for role, own in groups]
    if beside.word:
        for message in messages:
            said = [item for item in message["items"] if item.get("type", "message") == "message"]
            message["content"] = "\n".join(map(text_of, said))  # the word of a call or its result does not count
    marks = [_mark(message["items"]) for message in messages]
    return ItemsPrompt(messages, marks, beside, OPENAI_RESPONSES, tuple(tuple(own) for _, own in groups))


def compose(coordinator: Coordinator, request: Mapping[str, Any], **options: Any) -> tuple[list[Any], Receipt]:
    """As `Coordinator.compose`, of a request's body: the items to send instead, and the receipt. `options` are agent,
    budget and conversation. Raises ValueError that names the field, KeptByProvider."""
    prompt, given = responses_prompt(request), request.get("input")
    payload, receipt = coordinator.compose_prompt(prompt, **options)
    items = {id(message): own for message, own in prompt.numbered} if isinstance(given, list) else {}
    sent: list[Any] = []
    for message in payload:
        sent += [given[i] for i in items[id(message)]] if id(message) in items else message["items"]
    return sent, receipt


def checked(item: Any, where: str) -> Mapping[str, Any]:
    """An item of whatever type; a message has a role and content. Raises ValueError, KeptByProvider."""
    if type(item) is not dict and not isinstance(item, Mapping):
        raise invalid_value(where, "item", item, "an object with a type")
    kind = item.get("type", "message")
    if kind == "item_reference":
        raise KeptByProvider(f"{where}: an item that the provider keeps")
    if kind == "message":
        if item.get("role") not in ROLES:
            raise invalid_value(where, "role", item.get("role"), f"one of {', '.join(ROLES)}")
        if not isinstance(item.get("content"), (str, list)):
            raise invalid_value(where, "content", item.get("content"), "a text or a list of parts")
    elif not isinstance(kind, str):
        raise invalid_value(where, "type", kind, "a text")
    return item


def _beside(request: Mapping[str, Any]) -> Beside:
    """Instructions, tools and the answer's schema."""
    spoken, tools, wanted = request.get("instructions"), request.get("tools"), request.get("text")
    form = wanted.get("format") if isinstance(wanted, Mapping) else None
    form = form if isinstance(form, Mapping) and form.get("type") != "text" else None
    texts = [*([spoken] if isinstance(spoken, str) else _spoken(spoken)), *beside_texts(tools, form)]
    word = WORD if form and form.get("type") == "json_object" else None
    if not any(texts) and word is None:
        return Beside()
    mark = fingerprint([spoken, tools or [], form], "request")
    return Beside(mark, sum(tokens.count(repair_surrogates(text)) for text in texts), word, recall_tool(tools))


def _spoken(instructions: Any) -> Iterator[str]:
    for item in instructions if isinstance(instructions, list) else ():
        if isinstance(item, Mapping):
            yield text_of(item)


def _mark(items: Sequence[Mapping[str, Any]]) -> bytes:
    """The fingerprint of a message of these items."""
    part = _only_part(items[0]) if len(items) == 1 else None
    if part is not None and len(part) == 2 and isinstance(kind := part.get("type"), str):
        return text_mark(f"{kind} {items[0]['role']}", part["text"])
    return fingerprint(["input", *map(_unmarked, items)], "input")


def _only_part(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part of a message that has one alone, of text, and nothing beside it but what is the server's."""
    content = item.get("content")
    if type(content) is list and len(content) == 1 and item.get("type") == "message":
        more = sum(key in item for key in SERVERS)
        part = content[0]
        if len(item) == 3 + more and type(part) is dict and type(part.get("text")) is str:
            return part
    return None


def _unmarked(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item as the model reads it."""
    return {key: value for key, value in item.items() if key not in SERVERS}
