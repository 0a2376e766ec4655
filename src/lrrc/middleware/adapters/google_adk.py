"""Google's Agent Development Kit: `LlmAgent(..., before_model_callback=digest_callback(coordinator))`.

What a model call is sent is shortened; the session keeps every event. The session names the conversation, and the agent
that is called is the one whose callback it is.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from google.adk.agents.callback_context import CallbackContext
from google.adk.models.llm_request import LlmRequest
from google.genai import types

from lrrc.middleware.adapters.restore import Pieces, passing_on, thoughts
from lrrc.middleware.bound_thoughts import LEFT_OUT
from lrrc.middleware.coordinator import Coordinator


def digest_callback(coordinator: Coordinator) -> Callable[[CallbackContext, LlmRequest], Awaitable[None]]:
    """A callback that shortens the contents of every model call."""

    async def shorten(callback_context: CallbackContext, llm_request: LlmRequest) -> None:
        who = {"agent": callback_context.agent_name, "conversation": callback_context.session.id}
        with passing_on(coordinator, **who):
            pieces, config = cut(llm_request.contents), llm_request.config
            system = {"role": "system", "content": _text(config.system_instruction)}
            tools = [
                declared.model_dump(mode="json", exclude_none=True)
                for tool in config.tools or ()
                for declared in getattr(tool, "function_declarations", None) or ()
            ]
            given = [system, *pieces.read]
            payload, receipt = await coordinator.acompose(given, tools=tools or None, **who)
            llm_request.contents = pieces.rejoined(
                [message for message in payload if message is not system],
                lambda content, parts: types.Content(role=content.role, parts=parts),
                lambda message: types.Content(role="user", parts=[_written(c) for c in pieces.contents(message)]),
                pieces.bare(payload, given, receipt, _bare),
            )

    return shorten


def cut(contents: list[types.Content]) -> Pieces[types.Content]:
    """In the form of OpenAI's chat completions: results of tools one by one, what else a content has as one message."""
    pieces: Pieces[types.Content] = Pieces()
    for content in contents:
        parts = content.parts or []
        if parts and all(part.function_response for part in parts):
            for part in parts:
                pieces.add(_result(part.function_response), content, part)
        else:
            pieces.add(_message(content, parts, pieces), content, None)
    return pieces


def _result(response: types.FunctionResponse) -> dict[str, Any]:
    said = response.response or {}
    text = (
        said["result"] if set(said) == {"result"} and isinstance(said["result"], str) else json.dumps(said, default=str)
    )
    return {"role": "tool", "name": response.name, "tool_call_id": response.id, "content": text}


def _message(content: types.Content, parts: list[types.Part], pieces: Pieces[types.Content]) -> dict[str, Any]:
    calls = [part.function_call for part in parts if part.function_call]
    # Gemini signs calls and texts; a signed thought is Claude's, as LiteLlm has it
    signed = thoughts((part.text or "", part.thought_signature) for part in parts if part.thought)
    shown = [part for part in parts if not (part.function_call or part.thought)]
    read: dict[str, Any] = {
        "role": "assistant" if content.role == "model" else "user",
        "content": [{"type": "text", "text": p.text} if p.text is not None else pieces.thing(p, "file") for p in shown],
    }
    if calls:
        read["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": json.dumps(call.args or {}, default=str)}}
            for call in calls
        ]
    return read | signed


def _bare(content: types.Content) -> types.Content:
    parts = [part for part in content.parts or () if not part.thought]
    return types.Content(role=content.role, parts=parts or [types.Part(text=LEFT_OUT)])


def _written(content: Any) -> types.Part:
    return types.Part(text=content) if isinstance(content, str) else content


def _text(instruction: Any) -> str:
    if isinstance(instruction, types.Content):
        return "\n".join(part.text or "" for part in instruction.parts or ())
    return instruction if isinstance(instruction, str) else ""
