"""LangChain and LangGraph agents: `create_agent(..., middleware=[DigestMiddleware(coordinator)])`.

The state keeps the whole history; what a model call is sent is shortened on its way. The thread of the checkpointer
names the conversation. In a node of a graph of your own: `model.invoke(shorten(coordinator, state["messages"]))`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config

from lrrc.middleware.adapters.restore import restore
from lrrc.middleware.coordinator import Coordinator

ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}  # others have their own names


class DigestMiddleware(AgentMiddleware):
    """Shortens the messages of every model call; `agent` as in Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, agent: str | None = None):
        super().__init__()
        self.coordinator, self.agent = coordinator, agent

    def wrap_model_call(self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]) -> ModelResponse:
        messages = shorten(self.coordinator, _all(request), self.agent, tools=request.tools)
        return handler(_with(request, messages))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        messages = await ashorten(self.coordinator, _all(request), self.agent, tools=request.tools)
        return await handler(_with(request, messages))


def shorten(
    coordinator: Coordinator,
    messages: Sequence[BaseMessage],
    agent: str | None = None,
    conversation: str | None = None,
    tools: Sequence[Any] = (),
) -> list[BaseMessage]:
    """Coordinator.compose for messages and tools of LangChain; inside of a graph its thread names the conversation."""
    read = [as_dict(message) for message in messages]
    payload, _ = coordinator.compose(read, agent, None, conversation or _thread(), _described(tools))
    return restore(payload, read, messages, _written)


async def ashorten(
    coordinator: Coordinator,
    messages: Sequence[BaseMessage],
    agent: str | None = None,
    conversation: str | None = None,
    tools: Sequence[Any] = (),
) -> list[BaseMessage]:
    """`shorten`, so that the event loop goes on."""
    read = [as_dict(message) for message in messages]
    payload, _ = await coordinator.acompose(read, agent, None, conversation or _thread(), _described(tools))
    return restore(payload, read, messages, _written)


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
    if thoughts := message.additional_kwargs.get("reasoning_content"):  # some clients send them back
        read["reasoning_content"] = thoughts
    if message.type == "tool":
        read["tool_call_id"] = message.tool_call_id
    return read


def _written(message: Mapping[str, Any]) -> BaseMessage:
    return HumanMessage(message["content"], name=message.get("name"))


def _all(request: ModelRequest) -> list[BaseMessage]:
    return [*([request.system_message] if request.system_message else []), *request.messages]


def _with(request: ModelRequest, messages: Sequence[BaseMessage]) -> ModelRequest:
    return request.override(messages=[m for m in messages if m is not request.system_message])


def _described(tools: Sequence[Any]) -> list[dict[str, Any]] | None:
    return [convert_to_openai_tool(tool) for tool in tools] or None


def _thread() -> str | None:
    try:
        thread = get_config().get("configurable", {}).get("thread_id")
    except RuntimeError:  # called outside of a graph
        return None
    return None if thread is None else str(thread)
