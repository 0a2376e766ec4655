"""LiteLLM: `litellm.callbacks = [DigestHook(coordinator)]` shortens what acompletion, router and proxy send.

LiteLLM calls such hooks for asynchronous calls only. Before a synchronous one, compose by hand:
`litellm.completion(model=..., messages=coordinator.compose(messages)[0])`.
"""

from __future__ import annotations

from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.types.utils import CallTypes

from lrrc.middleware.adapters.restore import passing_on
from lrrc.middleware.coordinator import Coordinator


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
        named = kwargs.get("metadata") or {}
        who = {"agent": named.get("agent"), "conversation": named.get("conversation")}
        with passing_on(self.coordinator, **who):
            payload, _ = await self.coordinator.acompose(
                kwargs["messages"], tools=kwargs.get("tools"), response_format=_form(kwargs), **who
            )
            return {**kwargs, "messages": payload}
        return None


def _form(kwargs: dict[str, Any]) -> dict[str, Any] | None:
    form = kwargs.get("response_format")
    return form if isinstance(form, dict) else None  # else a class of pydantic, which LiteLLM turns into a schema
