"""pydantic-ai: `Agent(model, capabilities=[Digest(coordinator)])`.

What a model request is sent is shortened; the run's history keeps every message. (A processor of ProcessHistory would
change the history itself.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import (
    BaseToolReturnPart,
    ModelMessage,
    ModelResponse,
    RetryPromptPart,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import RunContext

from lrrc.middleware.adapters.restore import Pieces, passing_on, thoughts
from lrrc.middleware.bound_thoughts import LEFT_OUT
from lrrc.middleware.coordinator import Coordinator

UNBOUND = ("openai", "azure", "google")  # the beginnings of providers' names


class Digest(AbstractCapability[Any]):
    """Shortens the messages of every model request; `agent` and `conversation` as in Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, agent: str | None = None, conversation: str | None = None):
        self.coordinator, self.who = coordinator, {"agent": agent, "conversation": conversation}

    async def before_model_request(
        self, ctx: RunContext[Any], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        messages = request_context.messages
        with passing_on(self.coordinator, **self.who):
            pieces = cut(messages)
            system = {"role": "system", "content": getattr(messages[-1], "instructions", None) or ""}
            tools = [
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters_json_schema}
                for tool in request_context.model_request_parameters.function_tools
            ]
            given = [system, *pieces.read]
            payload, receipt = await self.coordinator.acompose(given, tools=tools or None, **self.who)
            rest = [message for message in payload if message is not system]
            shorter = pieces.rejoined(
                rest,
                lambda request, parts: replace(request, parts=parts),
                lambda message: replace(messages[-1], parts=[UserPromptPart(pieces.contents(message))]),
                pieces.bare(payload, given, receipt, _bare),
            )
            return replace(request_context, messages=shorter)
        return request_context


def cut(messages: Sequence[ModelMessage]) -> Pieces[ModelMessage]:
    """The parts of requests, and whole responses, in the form of OpenAI's chat completions."""
    pieces: Pieces[ModelMessage] = Pieces()
    for message in messages:
        if isinstance(message, ModelResponse):
            pieces.add(_said(message, pieces), message, None)
            continue
        for part in message.parts:
            pieces.add(_asked(part, pieces), message, part)
    return pieces


def _asked(part: Any, pieces: Pieces[ModelMessage]) -> dict[str, Any]:
    if isinstance(part, SystemPromptPart):
        return {"role": "system", "content": part.content}
    if isinstance(part, UserPromptPart):
        contents = [part.content] if isinstance(part.content, str) else part.content
        return {"role": "user", "content": [_content(content, pieces) for content in contents]}
    if isinstance(part, BaseToolReturnPart):
        files = [pieces.thing(file, "file") for file in part.files]
        content = [{"type": "text", "text": part.model_response_str()}, *files]
        return {"role": "tool", "name": part.tool_name, "tool_call_id": part.tool_call_id, "content": content}
    if isinstance(part, RetryPromptPart) and part.tool_name:
        content = part.model_response()
        return {"role": "tool", "name": part.tool_name, "tool_call_id": part.tool_call_id, "content": content}
    if isinstance(part, RetryPromptPart):
        return {"role": "user", "content": part.model_response()}
    return {"role": "system", "content": [pieces.thing(part, "part")]}  # of the framework's own: always sent


def _content(content: Any, pieces: Pieces[ModelMessage]) -> dict[str, Any]:
    return {"type": "text", "text": content} if isinstance(content, str) else pieces.thing(content, "file")


def _said(message: ModelResponse, pieces: Pieces[ModelMessage]) -> dict[str, Any]:
    kinds = (TextPart, ThinkingPart, ToolCallPart)
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    content = [{"type": "text", "text": part.content} for part in message.parts if isinstance(part, TextPart)]
    content += [pieces.thing(part, "part") for part in message.parts if not isinstance(part, kinds)]
    thought = [part for part in message.parts if isinstance(part, ThinkingPart)]
    return {
        "role": "assistant",
        "content": content or None,
        **thoughts((part.content, None if _elsewhere(part) else part.signature) for part in thought),
        "tool_calls": [
            {"id": call.tool_call_id, "function": {"name": call.tool_name, "arguments": call.args_as_json_str()}}
            for call in calls
        ],
    }


def _elsewhere(part: ThinkingPart) -> bool:
    """Is it of a maker whose seal, which has the same field, binds a thought to no place?"""
    return str(part.provider_name).startswith(UNBOUND)


def _bare(message: ModelMessage) -> ModelMessage:
    return replace(message, parts=[p for p in message.parts if not isinstance(p, ThinkingPart)] or [TextPart(LEFT_OUT)])
