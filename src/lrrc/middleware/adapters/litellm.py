"""LiteLLM: `litellm.callbacks = [DigestHook(coordinator)]` shortens what acompletion and the router send, and
`DigestGuardrail` what its proxy sends, in all three of OpenAI's and Anthropic's forms.

LiteLLM calls hooks for asynchronous calls only. Before a synchronous one, compose by hand:
`litellm.completion(model=..., messages=coordinator.compose(messages)[0])`. In the proxy's config.yaml, a guardrail is a
class of a module of your own: `class Digest(DigestGuardrail): coordinator = Coordinator("bm25")`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger
from litellm.types.utils import CallTypes

from lrrc.middleware import anthropic_messages, openai_responses
from lrrc.middleware.adapters.restore import passing_on
from lrrc.middleware.coordinator import Coordinator

CHAT = ("completion", "acompletion")
FORMS = {  # the proxy's name of a call -> the field that is shortened, and by what
    **dict.fromkeys(("anthropic_messages", "aanthropic_messages"), ("messages", anthropic_messages.compose)),
    **dict.fromkeys(("responses", "aresponses"), ("input", openai_responses.compose)),
}


class DigestHook(CustomLogger):
    """Shortens the messages of every completion; `metadata` of the call may name `agent` and `conversation`."""

    def __init__(self, coordinator: Coordinator):
        super().__init__()
        self.coordinator = coordinator

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        if call_type not in (CallTypes.completion, CallTypes.acompletion) or "messages" not in kwargs:
            return None
        return await shortened(self.coordinator, kwargs, "completion")


class DigestGuardrail(CustomGuardrail):
    """Shortens every prompt that passes LiteLLM's proxy, before it is sent (mode: pre_call)."""

    coordinator: Coordinator | None = None

    def __init__(self, coordinator: Coordinator | None = None, **options: Any):
        super().__init__(**options)
        self.coordinator = coordinator or self.coordinator or Coordinator()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any] | None:
        return await shortened(self.coordinator, data, call_type)


async def shortened(coordinator: Coordinator, request: dict[str, Any], call_type: str) -> dict[str, Any] | None:
    """The request with a shorter history; None where there is nothing to change."""
    named = request.get("metadata") or {}
    who = {"agent": named.get("agent"), "conversation": named.get("conversation")}
    field, compose = FORMS.get(call_type, ("messages", None))
    if not request.get(field) or (compose is None and call_type not in CHAT):
        return None
    with passing_on(coordinator, **who):
        prices = coordinator.prices(request.get("model"))
        if compose:
            payload, _ = await asyncio.to_thread(compose, coordinator, request, prices=prices, **who)
        else:
            payload, _ = await coordinator.acompose(
                request[field], tools=request.get("tools"), response_format=_form(request), prices=prices, **who
            )
        return {**request, field: payload}
    return None


def _form(request: dict[str, Any]) -> dict[str, Any] | None:
    form = request.get("response_format")
    return form if isinstance(form, dict) else None  # else a class of pydantic, which LiteLLM turns into a schema
