"""Requests of Anthropic's Messages API, as logs hold them.

They are read like all other forms; what is sent instead of one has to be in its own form, so it is told here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrrc.episodes.chat_message import blocks_in
from lrrc.episodes.other_messages import KEPT, loaded

ROLES = ("user", "assistant", "system")
PLAIN = ("text", "image", "document", "thinking", "redacted_thinking", "search_result", "container_upload")
TOOLS = ("tool_use", "tool_result")  # ends of the types of blocks, such as web_search_tool_result
OTHERS = (*KEPT, "function_call")  # fields of messages in other forms, whose names and calls would go unread


def anthropic_request(value: Any) -> dict[str, Any] | None:
    """The request that a value is, its messages out of a text of JSON; None of another form.

    Content blocks of text are those of chat completions too, so it takes a call or result of a tool among the blocks,
    or the system prompt beside messages.
    """
    if not isinstance(value, Mapping):
        return None
    messages, system = loaded(value.get("messages")), value.get("system")
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        return None
    blocks = [block for message in messages for block in blocks_in(message["content"])]
    kinds = [block.get("type") for block in blocks]
    tools = [kind for kind in kinds if isinstance(kind, str) and kind.endswith(TOOLS)]
    known = all(kind in PLAIN or kind in tools for kind in kinds) and messages[0]["role"] != "system"
    beside = system is None or isinstance(system, str) or _are_texts(system)
    return {**value, "messages": messages, "system": system} if known and beside and (tools or system) else None


def _is_message(message: Any) -> bool:
    if not isinstance(message, Mapping) or message.get("role") not in ROLES or any(message.get(key) for key in OTHERS):
        return False
    content = message.get("content")
    return isinstance(content, str) or (isinstance(content, list) and len(blocks_in(content)) == len(content))


def _are_texts(system: Any) -> bool:
    texts = [block for block in blocks_in(system) if block.get("type") == "text" and isinstance(block.get("text"), str)]
    return isinstance(system, list) and len(texts) == len(system)
