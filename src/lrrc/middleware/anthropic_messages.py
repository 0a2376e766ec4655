"""Requests of Anthropic's Messages API, read into the items that the coordinator knows, and written back.

    payload, receipt = compose(coordinator, request)
    client.messages.create(**request | {"messages": payload})

A message is one item; one of the user that holds results of tools is read as a tool's. The system prompt goes beside
the messages, as tools do. What differs from chat completions:

- The digest is a text block in a message of the user, never a message of its own.
- Clients move their cache marks from call to call, and write one text as a string or as a block; the API reads the same
  messages, so they have the same fingerprint.
- Thoughts are signed, and bound to all that stood before them. While a turn that has some is under way, nothing before
  it changes; of earlier turns, what stays from before the cut loses them.
- A call that the server runs may have its result in a later reply; the exchange between them is one.
- A system message in the middle has its place behind one of the user and before a reply, and no other behind it. So it
  is one item with the message before it, and both stay (of one that is repeated, the last); of messages put together,
  theirs are put together behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrrc.episodes.chat_message import repair_surrogates
from lrrc.episodes.unquoted import beside_texts
from lrrc.middleware.beside import Beside
from lrrc.middleware.blocks import CALLS, THOUGHTS, answered, calls_of, continued
from lrrc.middleware.chat_messages import ReadMessage, fingerprint, text_mark
from lrrc.middleware.client_objects import as_sent
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.dialect import LEFT_OUT, Dialect
from lrrc.middleware.prompt import Form, Prompt
from lrrc.middleware.recall import recall_tool
from lrrc.middleware.receipt import Receipt
from lrrc.pretrained import tokens
from lrrc.runtime.files import invalid_value

ROLES = ("user", "assistant", "system")
BEHIND = "system messages behind"  # in an item's message, where it has such
ALWAYS = ((None, "user"), ("user", "assistant"), ("assistant", "user"), ("system", "assistant"))
REMINDER = re.compile(r"\s*<system-reminder>.*</system-reminder>\s*", re.DOTALL)  # Claude Code's own, not the user's


@dataclass(frozen=True)
class BlockDialect(Dialect):
    """Messages of content blocks, of the user and the assistant in turn."""

    named: bool = False
    merged: bool = True

    @property
    def alone(self) -> bool:
        return False

    def pairs(self, found: set[tuple[str | None, str]]) -> set[tuple[str | None, str]]:
        return {*ALWAYS, *found}

    def merge(self, messages: Sequence[Mapping[str, Any]], framed: str) -> dict[str, Any]:
        """One message for several: all their blocks as they are, before the last one's the digest or a mark that
        something is left out."""
        *others, last = messages
        before = [block for message in others for block in blocks_of(message)]
        merged = {**last, "content": [*before, _text(framed or LEFT_OUT), *blocks_of(last)]}
        behind = [system for message in messages for system in message.get(BEHIND, ())]
        if len(behind) > 1:
            behind = [{**behind[-1], "content": [block for system in behind for block in blocks_of(system)]}]
        return {**merged, BEHIND: behind} if behind else merged

    def without_thoughts(self, message: Mapping[str, Any]) -> dict[str, Any]:
        said = [block for block in blocks_of(message) if block.get("type") not in THOUGHTS]
        return {**message, "content": said or [_text(LEFT_OUT)]}  # no content may be empty


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def blocks_of(message: Mapping[str, Any]) -> list[Any]:
    """A content that is a string stands for one block of text; an empty one would be refused."""
    content = message["content"]
    if isinstance(content, str):
        return [_text(content)] if content else []
    return list(content)


@dataclass
class _Reading:
    """What the blocks of a message hold. `texts` may be quoted, `thoughts` are counted alone."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    unknown: int = 0
    thinking: bool = False
    said: bool = False

    def take(self, block: Mapping[str, Any], result: bool = False) -> None:
        """One block; is it part of a tool's `result`?"""
        kind = block.get("type")
        if kind == "text" and isinstance(block.get("text"), str):
            self.texts.append(block["text"])
            self.said = self.said or not (result or REMINDER.fullmatch(block["text"]))
        elif kind in THOUGHTS:
            self.thinking = True
            if isinstance(text := block.get("thinking"), str) and text:
                self.thoughts.append(text)
            else:
                self.kinds.append(kind)  # sealed, or shown to nobody
        elif kind in CALLS and isinstance(block.get("name"), str):
            given = json.dumps(block.get("input"), ensure_ascii=False, sort_keys=True)
            self.texts.append(f"{block['name']}({given})")
        elif kind == "tool_result":
            for inner in _content(block):
                self.take(inner, True)
        else:
            self.kinds.append(repair_surrogates(kind)[:40] if isinstance(kind, str) else "part")
            self.unknown += 1


def _content(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The blocks of a tool's result."""
    content = result.get("content") or []
    for block in [_text(content)] if isinstance(content, str) else content if isinstance(content, list) else [content]:
        yield block if isinstance(block, Mapping) else {"type": None}


def read_message(message: Mapping[str, Any], mark: bytes, where: str) -> ReadMessage:
    """One message that `checked` took, with system messages behind it, which are counted."""
    found, blocks = _Reading(), blocks_of(message)
    for block in blocks:
        found.take(block)
    answers = answered(blocks)
    result = message["role"] == "user" and answers is not None
    text = repair_surrogates("\n".join(found.texts))
    behind = message.get(BEHIND, ())
    count = tokens.count(text) + sum(tokens.count(text_of(system)) for system in behind)
    if found.thoughts:
        count += tokens.count(repair_surrogates("\n".join(found.thoughts)))
    return ReadMessage(
        role="tool" if result else message["role"],
        text=text,
        name=None,
        tokens=count,
        unknown=found.unknown,
        calls=calls_of(blocks),
        answers=answers if result else None,
        fingerprint=mark,
        kinds=tuple(found.kinds),
        thoughts=found.thinking,
        said=result and found.said,
        ordered=fingerprint([_unmarked(system) for system in behind], where).hex() if behind else "",
        continues=continued(blocks),
    )


def text_of(message: Mapping[str, Any]) -> str:
    """What may be quoted of a message."""
    found = _Reading()
    for block in blocks_of(message):
        found.take(block)
    return repair_surrogates("\n".join(found.texts))


ANTHROPIC_MESSAGES = Form(read_message, lambda items, wanted: BlockDialect())


def messages_prompt(request: Mapping[str, Any]) -> Prompt:
    """The prompt of a request's body. Raises ValueError that names the field."""
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise invalid_value("request", "messages", messages, "a list of messages")
    read = [checked(as_sent(message, f"messages[{i}]"), f"messages[{i}]") for i, message in enumerate(messages)]
    if read and read[0]["role"] == "system":
        raise invalid_value("messages[0]", "role", "system", "user or assistant: the system prompt has its own field")
    items: list[list[int]] = []
    for i, message in enumerate(read):
        if message["role"] == "system":
            items[-1].append(i)
        else:
            items.append([i])
    marks = [_mark([read[i] for i in item]) for item in items]
    joined = [read[i] | {BEHIND: [read[j] for j in behind]} if behind else read[i] for i, *behind in items]
    return Prompt(joined, marks, _beside(request), ANTHROPIC_MESSAGES, tuple(map(tuple, items)))


def compose(coordinator: Coordinator, request: Mapping[str, Any], **options: Any) -> tuple[list[Any], Receipt]:
    """As `Coordinator.compose`, of a request's body: the messages to send instead, and the receipt. `options` are
    agent, budget and conversation. Raises ValueError that names the field."""
    prompt = messages_prompt(request)
    payload, receipt = coordinator.compose_prompt(prompt, **options)
    given = {id(message): [request["messages"][i] for i in item] for message, item in prompt.numbered}
    sent: list[Any] = []
    for message in payload:
        if id(message) in given:
            sent += given[id(message)]
        else:
            sent += [{key: value for key, value in message.items() if key != BEHIND}, *message.get(BEHIND, ())]
    return sent, receipt


def checked(message: Any, where: str) -> Mapping[str, Any]:
    """A message with a role and content that this form has. Raises ValueError."""
    if type(message) is not dict and not isinstance(message, Mapping):
        raise invalid_value(where, "message", message, "an object with role and content")
    if message.get("role") not in ROLES:
        raise invalid_value(where, "role", message.get("role"), f"one of {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, (str, list)):
        raise invalid_value(where, "content", content, "a text or a list of blocks")
    for i, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, Mapping):
            raise invalid_value(where, f"content[{i}]", block, "an object with a type")
    return message


def _beside(request: Mapping[str, Any]) -> Beside:
    """Tools, the answer's schema, and the system prompt."""
    system, tools, wanted = request.get("system"), request.get("tools"), request.get("output_config")
    form = wanted.get("format") if isinstance(wanted, Mapping) else None
    blocks = _content({"content": system})
    spoken = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
    texts = [*spoken, *beside_texts(tools, form)]
    if not texts:
        return Beside()
    marks = [_unmarked_blocks(system or []), _unmarked_blocks(tools or []), form]
    count = sum(tokens.count(repair_surrogates(text)) for text in texts)
    return Beside(fingerprint(marks, "request"), count, recall=recall_tool(tools))


def _mark(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """The fingerprint of an item: one message, and system messages behind it."""
    text = _only_text(messages[0]) if len(messages) == 1 else None
    if text is not None:
        return text_mark(f"messages {messages[0]['role']}", text)
    return fingerprint(["messages", *map(_unmarked, messages)], "messages")


def _only_text(message: Mapping[str, Any]) -> str | None:
    """The text of a message that has nothing beside it but a role, and a mark for the cache."""
    content = message["content"]
    if type(content) is list and len(content) == 1:
        block = content[0]
        plain = block.get("type") == "text" and len(block) == 2 + ("cache_control" in block)
        content = block.get("text") if plain else None
    return content if type(content) is str and len(message) == 2 else None


def _unmarked(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as the model reads it: blocks, without marks for the cache."""
    return {**message, "content": _unmarked_blocks(message["content"])}


def _unmarked_blocks(content: Any) -> Any:
    if isinstance(content, str):
        content = [_text(content)]
    if not isinstance(content, list):
        return content
    return [_unmarked_block(block) if isinstance(block, Mapping) else block for block in content]


def _unmarked_block(block: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in block.items() if key != "cache_control"}
    if plain.get("type") == "tool_result" and "content" in plain:
        plain["content"] = _unmarked_blocks(plain["content"])
    return plain
