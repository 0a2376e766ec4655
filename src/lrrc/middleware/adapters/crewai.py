"""CrewAI: `register_before_llm_call_hook(DigestHook(coordinator))`, before crews are made.

CrewAI lets a hook change the executor's own messages alone, so the hook remembers what it left out, and makes the next
payload of all of it. Calls of a model outside of agents are left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from crewai.hooks import LLMCallHookContext
from crewai.utilities.i18n import I18N_DEFAULT

from lrrc.middleware.adapters.restore import passing_on
from lrrc.middleware.coordinator import Coordinator


@dataclass
class Remembered:
    """Of an executor: all messages so far, and those that the last payload left it with."""

    whole: list[Any]
    left: list[Any]


class DigestHook:
    """Shortens the messages of every call that an agent of a crew makes; the agent is named by its role."""

    def __init__(self, coordinator: Coordinator):
        self.coordinator = coordinator
        self._held: dict[int, tuple[ref[Any], Remembered]] = {}
        self._lock = threading.Lock()

    def __call__(self, context: LLMCallHookContext) -> None:
        executor = context.executor
        if executor is None:
            return
        agent = getattr(context.agent, "role", None)
        with passing_on(self.coordinator, agent):
            whole = self._whole(executor, context.messages)
            tools = [_tool(tool) for tool in getattr(executor, "tools", None) or ()]
            payload = self._shorter(whole, agent, tools)
            context.messages[:] = payload
            with self._lock:
                self._held[id(executor)] = (ref(executor, self._forget(id(executor))), Remembered(whole, payload))

    def _shorter(self, whole: list[Any], agent: str | None, tools: list[Any]) -> list[Any]:
        """Where calls of tools are words, CrewAI has the user urge the agent on after every one. That is no turn of a
        conversation: only an urge at the end is sent, as it stands, once anything is shortened."""
        urge = I18N_DEFAULT.slice("post_tool_reasoning")
        said = [message for message in whole if message.get("content") != urge]
        payload, receipt = self.coordinator.compose(said, agent=agent, tools=tools or None)
        if receipt.full:
            return whole
        return [*payload, whole[-1]] if said[-1] is not whole[-1] else payload

    def _whole(self, executor: Any, messages: Sequence[Any]) -> list[Any]:
        """All messages: those remembered, where these begin with what was left of them, and what came since."""
        with self._lock:
            held, remembered = self._held.get(id(executor), (None, None))
        if held is None or held() is not executor:
            return list(messages)
        left = remembered.left
        if len(messages) < len(left) or any(a is not b for a, b in zip(messages, left, strict=False)):
            return list(messages)  # begun anew, or summarised
        return [*remembered.whole, *messages[len(left) :]]

    def _forget(self, key: int) -> Any:
        def forget(dead: Any) -> None:
            with self._lock:
                if key in self._held and self._held[key][0] is dead:
                    del self._held[key]

        return forget


def _tool(tool: Any) -> dict[str, Any]:
    schema = getattr(tool, "args_schema", None)
    parameters = schema.model_json_schema() if hasattr(schema, "model_json_schema") else {}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}
