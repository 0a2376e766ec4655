"""The OpenAI Python client: `wrap(client, coordinator)` gives one whose chat completions send shorter payloads.

    client = wrap(OpenAI(), coordinator, agent="planner")
    client.chat.completions.create(model=..., messages=messages)    # parse and stream too; AsyncOpenAI likewise

Other calls are left alone. Where no code can be changed, the proxy does the same behind `base_url`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from openai import AsyncOpenAI, OpenAI

from lrrc.middleware.coordinator import Coordinator

Client = TypeVar("Client", bound=OpenAI | AsyncOpenAI)


def wrap(client: Client, coordinator: Coordinator, agent: str | None = None, conversation: str | None = None) -> Client:
    """A copy of the client; the given one stays as it is. `agent` and `conversation` as in Coordinator.compose.

    Its methods raise ValueError for messages that compose refuses.
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
        payload, _ = coordinator.compose(list(messages), tools=_tools(rest), **options)
        return call(messages=payload, **rest)

    return shortened


def _asynchronous(call: Callable, coordinator: Coordinator, options: dict[str, Any]) -> Callable:
    @functools.wraps(call)
    async def shortened(*, messages: Any, **rest: Any) -> Any:
        payload, _ = await coordinator.acompose(list(messages), tools=_tools(rest), **options)
        return await call(messages=payload, **rest)

    return shortened


def _tools(rest: dict[str, Any]) -> list[Any] | None:
    tools = rest.get("tools")  # where none are given, the client has a placeholder that is no list
    return list(tools) if isinstance(tools, (list, tuple)) else None
