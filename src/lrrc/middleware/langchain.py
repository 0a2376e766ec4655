"""LangChain and LangGraph agents: `create_agent(..., middleware=[DigestMiddleware(coordinator)])`.

The state keeps the whole history; what a model call is sent is shortened on its way. The thread of the checkpointer
names the conversation.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.originals import restore
from lrrc.policies.base import DIGEST_NAME

ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}  # others have their own names


class DigestMiddleware(AgentMiddleware):
    """Shortens the messages of every model call; `agent` as in Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, agent: str | None = None):
        super().__init__()
        self.coordinator, self.agent = coordinator, agent

    def wrap_model_call(self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]) -> ModelResponse:
        originals, read, options = self._read(request)
        payload, _ = self.coordinator.compose(read, **options)
        return handler(_shorter(request, originals, read, payload))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        originals, read, options = self._read(request)
        payload, _ = await self.coordinator.acompose(read, **options)
        return await handler(_shorter(request, originals, read, payload))

    def _read(self, request: ModelRequest) -> tuple[list[BaseMessage], list[dict[str, Any]], dict[str, Any]]:
        system = [request.system_message] if request.system_message else []
        originals = [*system, *request.messages]
        tools = [convert_to_openai_tool(tool) for tool in request.tools] or None
        options = {"agent": self.agent, "conversation": _thread(), "tools": tools}
        return originals, [as_dict(message) for message in originals], options


def as_dict(message: BaseMessage) -> dict[str, Any]:
    """The message in the form of OpenAI's chat completions. Contents of other providers stay lists of parts."""
    read: dict[str, Any] = {"role": ROLES.get(message.type, message.type), "content": message.content}
    if message.name:
        read["name"] = message.name
    if isinstance(message, AIMessage) and message.tool_calls:
        read["tool_calls"] = [
            {"id": c["id"], "function": {"name": c["name"], "arguments": json.dumps(c["args"], ensure_ascii=False)}}
            for c in message.tool_calls
        ]
    if message.type == "tool":
        read["tool_call_id"] = message.tool_call_id
    return read


def _shorter(
    request: ModelRequest, originals: Sequence[BaseMessage], read: Sequence[dict], payload: Sequence[dict]
) -> ModelRequest:
    messages = restore(payload, read, originals, lambda text: HumanMessage(text, name=DIGEST_NAME))
    return request.override(messages=[m for m in messages if m is not request.system_message])


def _thread() -> str | None:
    try:
        thread = get_config().get("configurable", {}).get("thread_id")
    except RuntimeError:  # called outside of a graph
        return None
    return None if thread is None else str(thread)
