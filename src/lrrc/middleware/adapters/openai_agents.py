"""OpenAI's Agents SDK: `Runner.run(agent, items, run_config=RunConfig(call_model_input_filter=Digest(coordinator)))`.

What a model call is sent is shortened; the run's items and its session keep everything. Histories that the provider
keeps (`previous_response_id`, `conversation_id`) pass as they are.
"""

from __future__ import annotations

import asyncio
from typing import Any

from agents import RunConfig
from agents.run_config import CallModelData, ModelInputData

from lrrc.middleware import openai_responses
from lrrc.middleware.adapters.restore import passing_on
from lrrc.middleware.coordinator import Coordinator


class Digest:
    """A filter of what models are sent; the agent that is called is the run's own, `conversation` as in
    Coordinator.compose."""

    def __init__(self, coordinator: Coordinator, conversation: str | None = None):
        self.coordinator, self.conversation = coordinator, conversation

    async def __call__(self, data: CallModelData[Any]) -> ModelInputData:
        who = {"agent": data.agent.name, "conversation": self.conversation}
        with passing_on(self.coordinator, **who):
            request = {"instructions": data.model_data.instructions, "input": data.model_data.input}
            request["tools"] = [_tool(tool) for tool in data.agent.tools]
            payload, _ = await asyncio.to_thread(openai_responses.compose, self.coordinator, request, **who)
            return ModelInputData(payload, data.model_data.instructions)
        return data.model_data


def configured(coordinator: Coordinator, **options: Any) -> RunConfig:
    """A RunConfig with the filter, and whatever else it is to have."""
    return RunConfig(call_model_input_filter=Digest(coordinator), **options)


def _tool(tool: Any) -> dict[str, Any]:
    """Functions as they are described to the model; others by their type."""
    described = {"type": "function", "name": tool.name}
    for key, name in (("description", "description"), ("parameters", "params_json_schema")):
        if hasattr(tool, name):
            described[key] = getattr(tool, name)
    return described
