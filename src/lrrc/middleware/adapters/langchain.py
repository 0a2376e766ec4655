"""LangChain and LangGraph agents: `create_agent(..., middleware=[DigestMiddleware(coordinator)])`.

The state keeps the whole history; what a model call is sent is shortened on its way. The thread of the checkpointer
names the conversation. In a node of a graph of your own: `model.invoke(shorten(coordinator, state["messages"]))`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config

from lrrc.middleware.adapters.restore import passing_on, restore, without_thoughts
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.receipt import Receipt

THOUGHTS = ("reasoning_content", "thinking_blocks", "reasoning_details")  # of a message's additional_kwargs
ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}  # others have their own names


class DigestMiddleware(AgentMiddleware):
    """Shortens the messages of every model call; `agent` as in Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, agent: str | None = None):
        super().__init__()
        self.coordinator, self.agent = coordinator, agent

    def wrap_model_call(self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]) -> ModelResponse:
        return handler(_with(request, shorten(self.coordinator, _all(request), self.agent, **_beside(request))))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        messages = await ashorten(self.coordinator, _all(request), self.agent, **_beside(request))
        return await handler(_with(request, messages))


def shorten(
    coordinator: Coordinator,
    messages: Sequence[BaseMessage],
    agent: str | None = None,
    conversation: str | None = None,
    tools: Sequence[Any] = (),
    response_format: Mapping[str, Any] | None = None,
) -> list[BaseMessage]:
    """Coordinator.compose for messages and tools of LangChain; inside of a graph its thread names the conversation.

    What cannot be read is given back as it is.
    """
    conversation = conversation or _thread()
    with passing_on(coordinator, agent, conversation):
        read = [as_dict(message) for message in messages]
        payload, receipt = coordinator.compose(read, agent, None, conversation, _described(tools), response_format)
        return restore(payload, read, messages, _written, _bare(payload, read, messages, receipt))
    return list(messages)


async def ashorten(
    coordinator: Coordinator,
    messages: Sequence[BaseMessage],
    agent: str | None = None,
    conversation: str | None = None,
    tools: Sequence[Any] = (),
    response_format: Mapping[str, Any] | None = None,
) -> list[BaseMessage]:
    """`shorten`, so that the event loop goes on."""
    conversation = conversation or _thread()
    with passing_on(coordinator, agent, conversation):
        read = [as_dict(message) for message in messages]
        payload, receipt = await coordinator.acompose(
            read, agent, None, conversation, _described(tools), response_format
        )
        return restore(payload, read, messages, _written, _bare(payload, read, messages, receipt))
    return list(messages)


def as_dict(message: BaseMessage) -> dict[str, Any]:
    """The message in the form of OpenAI's chat completions. Contents of other providers stay lists of parts."""
    role = message.role if isinstance(message, ChatMessage) else message.type
    read: dict[str, Any] = {"role": ROLES.get(role, role), "content": message.content}
    if message.name:
        read["name"] = message.name
    if isinstance(message, AIMessage):
        # calls whose arguments are no JSON are sent back too, and answered
        calls = [(c, json.dumps(c["args"], ensure_ascii=False, default=str)) for c in message.tool_calls]
        calls += [(c, c["args"] or "") for c in message.invalid_tool_calls]
        read["tool_calls"] = [
            {"id": c["id"], "function": {"name": c["name"] or "", "arguments": said}} for c, said in calls
        ]
    for field in THOUGHTS:  # some clients send them back
        if thoughts := message.additional_kwargs.get(field):
            read[field] = thoughts
    if message.type == "tool":
        read["tool_call_id"] = message.tool_call_id
    return read


def _written(message: Mapping[str, Any]) -> BaseMessage:
    return HumanMessage(message["content"], name=message.get("name"))


def _bare(
    payload: Sequence[Mapping[str, Any]],
    read: Sequence[Mapping[str, Any]],
    messages: Sequence[BaseMessage],
    receipt: Receipt,
) -> dict[int, BaseMessage]:
    """Replies that are sent without their thoughts, by what the coordinator wrote for them."""
    found: dict[int, BaseMessage] = {}
    for reply, i in without_thoughts(payload, read, receipt):
        kwargs = {key: value for key, value in messages[i].additional_kwargs.items() if key not in THOUGHTS}
        changed = {"content": reply["content"] or "", "additional_kwargs": kwargs}
        found[id(reply)] = messages[i].model_copy(update=changed)
    return found


def _all(request: ModelRequest) -> list[BaseMessage]:
    return [*([request.system_message] if request.system_message else []), *request.messages]


def _beside(request: ModelRequest) -> dict[str, Any]:
    return {"tools": request.tools, "response_format": request.model_settings.get("response_format")}


def _with(request: ModelRequest, messages: Sequence[BaseMessage]) -> ModelRequest:
    return request.override(messages=[m for m in messages if m is not request.system_message])


def _described(tools: Sequence[Any]) -> list[dict[str, Any]] | None:
    return [tool if isinstance(tool, dict) else convert_to_openai_tool(tool) for tool in tools] or None


def _thread() -> str | None:
    try:
        thread = get_config().get("configurable", {}).get("thread_id")
    except RuntimeError:  # called outside of a graph
        return None
    return None if thread is None else str(thread)
