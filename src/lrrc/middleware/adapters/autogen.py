"""AutoGen agents: `AssistantAgent(..., model_context=DigestContext(coordinator, agent="planner"))`.

The context keeps every message; what the model is sent is shortened on its way. AutoGen is no longer developed; its
makers go on with the Agent Framework (agent_framework).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autogen_core.model_context import ChatCompletionContext
from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage, SystemMessage, UserMessage

from lrrc.middleware.adapters.restore import passing_on, restore
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.dialect import GAP
from lrrc.policies.base import DIGEST_NAME


class DigestContext(ChatCompletionContext):
    """A model context over a coordinator; `agent` and `conversation` as in Coordinator.compose.

    An agent adds its system message and tools after the context: give them here too, and the receipts count them.
    """

    component_type = "chat_completion_context"

    def __init__(
        self,
        coordinator: Coordinator,
        agent: str | None = None,
        conversation: str | None = None,
        system_message: str | None = None,
        tools: Sequence[Any] = (),
        initial_messages: list[LLMMessage] | None = None,
    ):
        super().__init__(initial_messages)
        self.coordinator, self.agent, self.conversation = coordinator, agent, conversation
        self.system = [{"role": "system", "content": system_message}] if system_message else []
        self.tools = [dict(getattr(tool, "schema", tool)) for tool in tools] or None

    async def get_messages(self) -> list[LLMMessage]:
        originals = list(self._messages)
        with passing_on(self.coordinator, self.agent, self.conversation):
            read = [as_dict(message) for message in originals]
            payload, _ = await self.coordinator.acompose(
                [*self.system, *read], agent=self.agent, conversation=self.conversation, tools=self.tools
            )
            payload = [message for message in payload if not any(message is fixed for fixed in self.system)]
            return restore(payload, read, originals, lambda message: _written(message, _pictures(read, originals)))
        return originals

    def _to_config(self) -> Any:
        raise NotImplementedError("a coordinator is saved by its own method, not as a component")


def _pictures(read: Sequence[Mapping[str, Any]], originals: Sequence[LLMMessage]) -> dict[int, Any]:
    """The pictures themselves by the id of what `as_dict` made of them."""
    users = [(made, given) for made, given in zip(read, originals, strict=True) if isinstance(given, UserMessage)]
    pairs = [pair for made, given in users for pair in zip(made["content"], given.content, strict=False)]
    return {id(part): picture for part, picture in pairs if isinstance(part, Mapping)}


def _written(message: Mapping[str, Any], pictures: Mapping[int, Any]) -> UserMessage:
    """A message that the coordinator wrote; AutoGen wants a source for every one."""
    content = message["content"]
    if not isinstance(content, str):
        content = [part if isinstance(part, str) else pictures.get(id(part), part.get("text")) for part in content]
        if all(isinstance(part, str) for part in content):
            content = GAP.join(content)
    return UserMessage(content=content, source=message.get("name") or DIGEST_NAME)


def as_dict(message: LLMMessage) -> dict[str, Any]:
    """The message in the form of OpenAI's chat completions; all results of a message stay one."""
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": message.content}
    if isinstance(message, UserMessage):
        parts = [message.content] if isinstance(message.content, str) else message.content
        content = [part if isinstance(part, str) else part.to_openai_format("auto") for part in parts]
        return {"role": "user", "name": message.source, "content": content}
    if isinstance(message, FunctionExecutionResultMessage):
        results = message.content
        first = {"name": results[0].name, "tool_call_id": results[0].call_id} if results else {}
        return {"role": "tool", "content": [result.content for result in results], **first}
    if not isinstance(message, AssistantMessage):
        raise ValueError(f"a message of the class {type(message).__name__}, which is not known here")
    read = {"role": "assistant", "name": message.source, "thought": message.thought}
    if isinstance(message.content, str):
        return {**read, "content": message.content}
    calls = [{"id": c.id, "function": {"name": c.name, "arguments": c.arguments}} for c in message.content]
    return {**read, "content": None, "tool_calls": calls}
