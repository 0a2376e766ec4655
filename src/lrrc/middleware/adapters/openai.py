"""The OpenAI Python client: `wrap(client, coordinator)` gives one whose chat completions send shorter payloads.

    client = wrap(OpenAI(), coordinator, agent="planner")
    client.chat.completions.create(model=..., messages=messages)    # parse and stream too; AsyncOpenAI likewise

Other calls are left alone. Where no code can be changed, the proxy does the same behind `base_url`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openai import AsyncOpenAI, OpenAI

from lrrc.middleware.adapters.restore import passing_on
from lrrc.middleware.coordinator import Coordinator

Client = TypeVar("Client", bound=OpenAI | AsyncOpenAI)


def wrap(client: Client, coordinator: Coordinator, agent: str | None = None, conversation: str | None = None) -> Client:
    """A copy of the client; the given one stays as it is. `agent` and `conversation` as in Coordinator.compose.

    Messages that cannot be read are sent as they are.
    """
    made = client.copy()
    options = {"agent": agent, "conversation": conversation}
    shortened = _asynchronous if isinstance(client, AsyncOpenAI) else _synchronous
    for completions in (made.chat.completions, made.beta.chat.completions):
        for name in ("create", "parse"):  # stream calls create
            setattr(completions, name, shortened(getattr(completions, name), coordinator, options))

    def copy(**changes: Any) -> Client:
        return wrap(client.copy(**changes), coordinator, **options)

    made.copy = made.with_options = copy
    return made


def _synchronous(call: Callable, coordinator: Coordinator, options: dict[str, Any]) -> Callable:
    @functools.wraps(call)
    def shortened(*, messages: Any, **rest: Any) -> Any:
        sent = messages
        with passing_on(coordinator, **options):
            sent = list(messages)
            sent, _ = coordinator.compose(sent, **_beside(rest), **options)
        return call(messages=sent, **rest)

    return shortened


def _asynchronous(call: Callable, coordinator: Coordinator, options: dict[str, Any]) -> Callable:
    @functools.wraps(call)
    async def shortened(*, messages: Any, **rest: Any) -> Any:
        sent = messages
        with passing_on(coordinator, **options):
            sent = list(messages)
            sent, _ = await coordinator.acompose(sent, **_beside(rest), **options)
        return await call(messages=sent, **rest)

    return shortened


def _beside(rest: dict[str, Any]) -> dict[str, Any]:
    """Tools and the answer's form; where none are given, the client has placeholders of a type of its own."""
    tools, form = rest.get("tools"), rest.get("response_format")
    if hasattr(form, "model_json_schema"):  # a class of pydantic, which the client turns into a schema
        form = {"type": "json_schema", "json_schema": {"schema": form.model_json_schema()}}
    return {
        "tools": list(tools) if isinstance(tools, (list, tuple)) else None,
        "response_format": form if isinstance(form, Mapping) else None,
    }
