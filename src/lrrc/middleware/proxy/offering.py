"""The tool lrrc_recall, offered in a request by the proxy itself: its definition in the three dialects, whether an
answer calls it alone, and the request that follows with what was recalled.

A stream is held until its first piece that is no thought: it passes from there on unless that is such a call.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from lrrc.middleware.bound_thoughts import is_bound
from lrrc.middleware.proxy.reading import CHAT, MESSAGES, RESPONSES, SHORTENED
from lrrc.middleware.proxy.splicing import spliced
from lrrc.middleware.recall import TOOL, recall_tool

ROUNDS = 4  # calls that are answered for one request
ABOUT = (
    "Ask for what was said earlier in this conversation and does not stand in it any more: files read, results of "
    "tools, decisions. Say in a few words what you look for; the answer quotes what was said. Call it alone."
)
PARAMETERS = {
    "type": "object",
    "properties": {
        "conversation": {"type": "string", "description": "as the excerpt names it"},
        "query": {"type": "string"},
    },
    "required": ["conversation", "query"],
    "additionalProperties": False,
}
FUNCTION = {"name": TOOL, "description": ABOUT, "parameters": PARAMETERS}
DEFINITIONS = {
    CHAT: {"type": "function", "function": FUNCTION},
    MESSAGES: {"name": TOOL, "description": ABOUT, "input_schema": PARAMETERS},
    RESPONSES: {"type": "function", **FUNCTION, "strict": False},
}
BROKEN = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)  # of what is no such answer


@dataclass(frozen=True)
class Call:
    """What is looked for, what the model said with it, and the message that answers but for its text."""

    query: str
    said: tuple[Any, ...]
    key: str


def offered(body: bytes, kind: str) -> bytes | None:
    """The request with the tool before its own; None where it has none, has this one, wants a certain one called, or
    thoughts that are bound to what stands before them."""
    try:
        request = json.loads(body)
        tools = request.get("tools")
        able = isinstance(tools, list) and tools and isinstance(request.get(SHORTENED[kind]), list)
        free = request.get("tool_choice") in (None, "auto") or request["tool_choice"] == {"type": "auto"}
        if not able or not free or _binds(request, kind) or recall_tool(tools):
            return None
        return spliced(body, tools, [DEFINITIONS[kind], *tools], "tools")
    except BROKEN:
        return None


def _binds(request: Mapping[str, Any], kind: str) -> bool:
    """Are its thoughts, or those of the answer, bound to what stands before them? Raises one of BROKEN."""
    wanted = request.get("thinking") or {"type": "disabled"}
    if kind == MESSAGES:
        return wanted["type"] != "disabled"
    if kind != CHAT:
        return False
    # others than Anthropic's models have a field of that name, too, and thoughts that are not bound
    return "budget_tokens" in wanted or wanted["type"] == "adaptive" or any(map(is_bound, request["messages"]))


async def beginning(
    kind: str, response: httpx2.Response, chunks: AsyncIterator[bytes]
) -> tuple[list[bytes], Call | None]:
    """The chunks of an answer that had to be read, and the call of the tool where it is one alone."""
    held: list[bytes] = []
    if not response.is_success:
        return held, None
    if "event-stream" not in response.headers.get("content-type", ""):
        async for chunk in chunks:
            held.append(chunk)
        return held, call_of(kind, lambda: json.loads(b"".join(held)))
    events, rest, calls = [], b"", None
    async for chunk in chunks:
        held.append(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
                try:
                    events.append(json.loads(line[5:]))
                    calls = begins(kind, events[-1]) if calls is None else calls
                except BROKEN:
                    return held, None
        if calls is False:
            return held, None
    return held, call_of(kind, lambda: JOINED[kind](events)) if calls else None


def begins(kind: str, event: Mapping[str, Any]) -> bool | None:
    """Does a stream's answer begin with a call of the tool? None where an event does not say. Raises one of BROKEN."""
    if kind == CHAT:
        delta = event["choices"][0]["delta"] if event.get("choices") else {}
        if calls := delta.get("tool_calls"):
            return calls[0]["function"]["name"] == TOOL
        return False if delta.get("content") else None
    piece = event.get("content_block" if kind == MESSAGES else "item")
    if piece is None or piece["type"] == "reasoning":
        return None
    return piece["type"] in ("tool_use", "function_call") and piece["name"] == TOOL


def joined_chat(events: list[Any]) -> dict[str, Any]:
    calls: dict[int, dict[str, Any]] = {}
    for event in events:
        for piece in (event["choices"][0]["delta"].get("tool_calls") or ()) if event.get("choices") else ():
            call = calls.setdefault(piece["index"], {"type": "function", "function": {"name": TOOL, "arguments": ""}})
            call.setdefault("id", piece.get("id"))
            call["function"]["name"] = piece["function"].get("name") or call["function"]["name"]
            call["function"]["arguments"] += piece["function"].get("arguments") or ""
    return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [*calls.values()]}}]}


def joined_messages(events: list[Any]) -> dict[str, Any]:
    blocks = {event["index"]: event["content_block"] for event in events if event["type"] == "content_block_start"}
    given = dict.fromkeys(blocks, "")
    for event in events:
        if event["type"] == "content_block_delta":
            given[event["index"]] += event["delta"].get("partial_json") or event["delta"].get("text") or ""
    filled = [
        block | ({"input": json.loads(given[i] or "{}")} if block["type"] == "tool_use" else {"text": given[i]})
        for i, block in blocks.items()
    ]
    return {"content": filled}


def joined_responses(events: list[Any]) -> dict[str, Any]:
    return {"output": [event["item"] for event in events if event["type"] == "response.output_item.done"]}


JOINED = {CHAT: joined_chat, MESSAGES: joined_messages, RESPONSES: joined_responses}


def call_of(kind: str, read: Any) -> Call | None:
    """The call in the body of an answer that `read` gives, where it is the only one."""
    try:
        body = read()
        if kind == CHAT:
            (choice,) = body["choices"]
            said = (choice["message"],)
            (call,) = choice["message"]["tool_calls"]
            name, given, key = call["function"]["name"], json.loads(call["function"]["arguments"]), call["id"]
        elif kind == MESSAGES:
            said = ({"role": "assistant", "content": body["content"]},)
            (call,) = (block for block in body["content"] if block["type"] != "text")
            name, given, key = call["name"], call["input"], call["id"]
        else:
            said = tuple(body["output"])
            (call,) = (item for item in said if item["type"] not in ("reasoning", "message"))
            name, given, key = call["name"], json.loads(call["arguments"]), call["call_id"]
        return Call(given["query"], said, key) if name == TOOL and isinstance(given["query"], str) else None
    except BROKEN:
        return None


def answered(kind: str, body: bytes, call: Call, text: str) -> bytes:
    """The request that had that call as its answer, with it and the tool's result."""
    if kind == CHAT:
        result: dict[str, Any] = {"role": "tool", "tool_call_id": call.key, "content": text}
    elif kind == MESSAGES:
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.key, "content": text}]}
    else:
        result = {"type": "function_call_output", "call_id": call.key, "output": text}
    field = SHORTENED[kind]
    before = json.loads(body)[field]
    return spliced(body, before, [*before, *call.said, result], field)
