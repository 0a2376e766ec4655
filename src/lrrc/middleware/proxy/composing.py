"""From a request's body to the one that goes upstream, without a connection: in a thread, or in a process apart.

Reading megabytes holds Python's lock for tenths of a second at a time, in which no other request moves. So large
requests are composed by a process of their own, of lower priority, one at a time; it has conversations of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrrc.middleware import anthropic_messages, openai_responses
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.proxy.reading import (
    CHAT,
    MESSAGES,
    OURS,
    RESPONSES,
    SHORTENED,
    LeftAlone,
    bypassed,
    options_of,
    parse,
    written,
)
from lrrc.middleware.proxy.splicing import spliced
from lrrc.middleware.receipt import Receipt
from lrrc.middleware.settings import Settings
from lrrc.policies.base import Policy
from lrrc.runtime.workers import process_apart

BYPASSED = ("bypassed", "asked for by x-lrrc-bypass")
KEPT_THERE = ("unread", "the provider keeps its history")
ENDED = ("failed", "the process that reads large requests ended, as where memory runs out")
MOST = 16  # conversations that it holds: megabytes of text take forty times as much
NICE = 5  # of the process apart: where processors are few, small requests go first


@dataclass(frozen=True)
class Outcome:
    """What became of a request for `model`. Without a receipt it goes on untouched: `action`, and why in a few words,
    which quote nothing of it; `origin` is what developers need of an error, `problem` what its sender does, and nobody
    else may read. `body` is None where all is sent as it came."""

    model: str | None = None
    action: str = ""
    reason: str = ""
    origin: str = ""
    problem: str = ""
    receipt: Receipt | None = None
    messages: tuple[Any, ...] = ()
    body: bytes | None = None
    seconds: float = 0.0


def shorten(coordinator: Coordinator, body: bytes, headers: Mapping[bytes, bytes], kind: str) -> Outcome:
    """A prompt of an address of that `kind`, shortened if that is possible; of `headers`, its own are read."""
    model, asked_not_to = None, bypassed(headers)
    try:
        request = parse(body, SHORTENED[kind])
        model = request.get("model")
        if asked_not_to:
            raise LeftAlone(*BYPASSED)
        options = options_of(request, headers) | {"prices": coordinator.prices(model, body)}
        began = time.perf_counter()
        shorter, receipt, given = COMPOSE[kind](coordinator, request, body, options)
        seconds = time.perf_counter() - began
    except LeftAlone as why:
        return Outcome(model, *(BYPASSED if asked_not_to else (why.action, why.reason)))
    except openai_responses.KeptByProvider:
        return Outcome(model, *KEPT_THERE)
    except (ValueError, RecursionError) as error:  # its text may quote the messages
        reason = f"its messages are not those of {kind}"
        return Outcome(model, "malformed", reason, origin_of(error), problem=" ".join(str(error).split()))
    except Exception as error:  # whatever it is: the call is worth more than its saving
        return Outcome(model, "failed", f"a mistake of lrrc's own, at {place(error)}", origin_of(error))
    return Outcome(model, receipt=receipt, messages=given, body=shorter, seconds=seconds)


Composed = tuple[bytes | None, Receipt, tuple[Any, ...]]  # the body to send where it is another, and the messages given


def compose_chat(coordinator: Coordinator, request: dict[str, Any], body: bytes, options: dict[str, Any]) -> Composed:
    """A chat completion. Raises ValueError for what cannot be read."""
    options |= {
        "tools": request.get("tools") or request.get("functions"),  # functions: what tools were once called
        "response_format": request.get("response_format"),
    }
    payload, receipt = coordinator.compose(request["messages"], **options)
    shorter = None if receipt.action == "passed" else written(request | {"messages": payload})
    return shorter, receipt, tuple(request["messages"])


def compose_messages(
    coordinator: Coordinator, request: dict[str, Any], body: bytes, options: dict[str, Any]
) -> Composed:
    """A request of Anthropic's. Raises ValueError for what cannot be read."""
    payload, receipt = anthropic_messages.compose(coordinator, request, **options)
    shorter = None if receipt.action == "passed" else spliced(body, request["messages"], payload)
    return shorter, receipt, tuple(request["messages"])


def compose_responses(
    coordinator: Coordinator, request: dict[str, Any], body: bytes, options: dict[str, Any]
) -> Composed:
    """A request of OpenAI's Responses API. Raises ValueError for what cannot be read."""
    payload, receipt = openai_responses.compose(coordinator, request, **options)
    given = request["input"]
    if isinstance(given, str):  # one message: nothing to shorten
        return None, receipt, ({"role": "user", "content": given},)
    shorter = None if receipt.action == "passed" else spliced(body, given, payload, "input")
    return shorter, receipt, tuple(given)


COMPOSE = {CHAT: compose_chat, MESSAGES: compose_messages, RESPONSES: compose_responses}


def place(error: Exception) -> str:
    """Where in the code an error was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def origin_of(error: Exception) -> str:
    return f"{type(error).__name__} in {place(error)}"


class Apart:
    """A coordinator in a process of its own, which starts with the first request, and anew where it was killed."""

    def __init__(self, policy: Policy, settings: Settings):
        self.policy, self.settings = policy, settings
        self._pool: ProcessPoolExecutor | None = None
        self._started: Future[int] | None = None  # of its process id

    async def shorten(self, body: bytes, headers: Mapping[bytes, bytes], kind: str) -> Outcome:
        own = {name: value for name, value in headers.items() if name.startswith(OURS)}  # and nobody's keys
        try:
            return await self._ask(_shorten, body, own, kind)
        except BrokenProcessPool:
            self._pool = None
            return Outcome(None, *ENDED)
        except Exception as error:  # a policy that cannot be taken there
            return Outcome(None, "failed", f"a mistake of lrrc's own, at {place(error)}", origin_of(error))

    async def recall(self, conversation: str, query: str) -> str:
        """As `Coordinator.recall`. Raises ValueError."""
        if self._pool is None:
            raise ValueError("no large conversation is known here")
        return await self._ask(_recall, conversation, query)

    async def leave_alone(self, conversation: str) -> None:
        """As `Coordinator.leave_alone`."""
        try:
            await self._ask(_leave_alone, conversation)
        except BrokenProcessPool:
            self._pool = None

    def end(self) -> None:
        """Also in the middle of a request: nobody waits for its answer any more."""
        if self._pool is None:
            return
        if self._started.done() and not self._started.exception():
            os.kill(self._started.result(), signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)  # waits, so that nothing of it is left to the system
        self._pool = None

    async def _ask(self, work: Any, *arguments: Any) -> Any:
        if self._pool is None:
            self._pool = process_apart()
            settings = replace(self.settings, max_sessions=min(MOST, self.settings.max_sessions))
            self._started = self._pool.submit(_prepare, self.policy, settings)
            await asyncio.wrap_future(self._started)
        return await asyncio.wrap_future(self._pool.submit(work, *arguments))


_coordinator: Coordinator | None = None  # of a process apart


def _prepare(policy: Policy, settings: Settings) -> int:
    """Its process id."""
    global _coordinator
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent ends it
    if hasattr(os, "nice"):
        os.nice(NICE)
    _coordinator = Coordinator(policy, settings=settings)
    return os.getpid()


def _shorten(body: bytes, headers: Mapping[bytes, bytes], kind: str) -> Outcome:
    assert _coordinator is not None
    return shorten(_coordinator, body, headers, kind)


def _recall(conversation: str, query: str) -> str:
    assert _coordinator is not None
    return _coordinator.recall(conversation, query)


def _leave_alone(conversation: str) -> None:
    assert _coordinator is not None
    _coordinator.leave_alone(conversation)
