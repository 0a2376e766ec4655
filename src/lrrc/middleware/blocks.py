"""Content blocks as Anthropic's models write them, in whichever list of messages they stand.

A call of a tool that the server runs (`server_tool_use`, `mcp_tool_use`) and its result (`*_tool_result`) mostly stand
in one reply. Where the server pauses a turn, or its code calls a tool of the client's, the result comes in a later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lrrc.episodes.chat_message import blocks_in, repair_surrogates

THOUGHTS = ("thinking", "redacted_thinking")
BY_SERVER = ("server_tool_use", "mcp_tool_use")
CALLS = ("tool_use", *BY_SERVER)
RESULT = "tool_result"  # of the client's
SERVER_RESULT = "_tool_result"  # what the types of the others end with
CHAT_ROLES = ("system", "developer", "tool", "function")  # roles that the first message has, or any, in chat alone


def calls_of(blocks: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """(id, tool) of the calls among them."""
    called = [b for b in blocks if b.get("type") in CALLS and isinstance(b.get("name"), str)]
    return tuple((_key(block.get("id")), repair_surrogates(block["name"])) for block in called)


def answered(blocks: Iterable[Mapping[str, Any]]) -> str | None:
    """The id of the first call whose result by the client is among them."""
    return next((_key(block.get("tool_use_id")) for block in blocks if block.get("type") == RESULT), None)


def continued(blocks: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The ids of the server's calls, of earlier messages, that these go on from: with their results, or with calls that
    their code makes."""
    here: set[str] = set()
    found: list[str] = []
    for block in blocks:
        kind, caller = block.get("type"), block.get("caller")
        if kind in BY_SERVER:
            here.add(_key(block.get("id")))
        if isinstance(kind, str) and kind.endswith(SERVER_RESULT):
            found.append(_key(block.get("tool_use_id")))
        elif isinstance(caller, Mapping) and isinstance(caller.get("tool_id"), str):
            found.append(_key(caller["tool_id"]))
    return tuple(dict.fromkeys(key for key in found if key not in here))


def written_in(messages: Any) -> bool:
    """Is this a list of the Messages API's, by its blocks? Roles and calls that only chat completions have say no."""
    listed = [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []
    if any(message.get("role") in CHAT_ROLES[2:] or message.get("tool_calls") for message in listed):
        return False
    if listed and listed[0].get("role") in CHAT_ROLES:
        return False
    return any(_unmistakable(block.get("type")) for message in listed for block in blocks_in(message.get("content")))


def _unmistakable(kind: Any) -> bool:
    return kind in (RESULT, *CALLS, *THOUGHTS) or (isinstance(kind, str) and kind.endswith(SERVER_RESULT))


def _key(value: Any) -> str:
    return repair_surrogates(str(value))
