"""Microsoft Agent Framework: `Agent(client, middleware=[DigestMiddleware(coordinator)])`.

What a call of the model is sent is shortened; sessions and history providers keep every message.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agent_framework import ChatContext, ChatMiddleware, Content, Message

from lrrc.middleware.adapters.restore import Pieces, passing_on, thoughts
from lrrc.middleware.bound_thoughts import LEFT_OUT
from lrrc.middleware.coordinator import Coordinator

SPOKEN = ("text", "function_call", "function_result", "text_reasoning")


class DigestMiddleware(ChatMiddleware):
    """Shortens the messages of every model call. The session names the conversation; `agent` as in
    Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, agent: str | None = None):
        self.coordinator, self.agent = coordinator, agent

    async def process(self, context: ChatContext, call_next: Callable[[], Awaitable[None]]) -> None:
        session = getattr(context.session, "session_id", None)
        with passing_on(self.coordinator, self.agent, session):
            options = context.options or {}
            pieces = cut(context.messages)
            system = {"role": "system", "content": options.get("instructions") or ""}
            given, tools = [system, *pieces.read], [_tool(tool) for tool in options.get("tools") or ()]
            payload, receipt = await self.coordinator.acompose(given, self.agent, None, session, tools)
            context.messages = pieces.rejoined(
                [message for message in payload if message is not system],
                lambda message, contents: Message(
                    message.role, contents, author_name=message.author_name, message_id=message.message_id
                ),
                lambda message: Message("user", pieces.contents(message), author_name=message.get("name")),
                pieces.bare(payload, given, receipt, _bare),
            )
        await call_next()


def cut(messages: Sequence[Message]) -> Pieces[Message]:
    """In the form of OpenAI's chat completions: the results in a message one by one, every other message as one."""
    pieces: Pieces[Message] = Pieces()
    for message in messages:
        results = [content for content in message.contents if content.type == "function_result"]
        if results and len(results) == len(message.contents):
            for result in results:
                pieces.add(_result(result, pieces), message, result)
        else:
            pieces.add(_message(message, pieces), message, None)
    return pieces


def _result(result: Content, pieces: Pieces[Message]) -> dict[str, Any]:
    items = [_part(item, pieces) for item in result.items or ()]
    said = result.result if isinstance(result.result, str) else json.dumps(result.result, default=str)
    return {"role": "tool", "tool_call_id": result.call_id, "content": items or said}


def _message(message: Message, pieces: Pieces[Message]) -> dict[str, Any]:
    calls = [c for c in message.contents if c.type == "function_call"]
    read: dict[str, Any] = {"role": message.role, "content": [_part(c, pieces) for c in message.contents if _shown(c)]}
    if message.author_name:
        read["name"] = message.author_name
    if calls:
        read["tool_calls"] = [{"id": c.call_id, "function": {"name": c.name, "arguments": _said(c)}} for c in calls]
    return read | thoughts((c.text or "", c.protected_data) for c in message.contents if c.type == "text_reasoning")


def _bare(message: Message) -> Message:
    contents = [content for content in message.contents if content.type != "text_reasoning"]
    return Message(
        message.role,
        contents or [Content.from_text(LEFT_OUT)],
        author_name=message.author_name,
        message_id=message.message_id,
    )


def _shown(content: Content) -> bool:
    return content.type not in ("function_call", "text_reasoning")


def _said(call: Content) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments or {}, default=str)


def _part(content: Content, pieces: Pieces[Message]) -> dict[str, Any]:
    return {"type": "text", "text": content.text} if content.type == "text" else pieces.thing(content, "file")


def _tool(tool: Any) -> Mapping[str, Any]:
    return tool if isinstance(tool, Mapping) else tool.to_json_schema_spec()
