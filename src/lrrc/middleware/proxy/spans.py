"""A span for every call, in OpenTelemetry's conventions for generative models, to a collector (OTLP over HTTP, JSON).

A span has counts, prices and names of agents and models, and no text of a message. One that comes with a traceparent
becomes a child of its client's.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import Any

import httpx2

from lrrc.middleware.proxy.books import Call

PAUSE = 1.0  # seconds for which spans are gathered
MOST = 2000  # spans that wait; further ones are dropped while the collector does not answer
PROVIDERS = {"google": "gcp.gemini", "xai": "x_ai"}  # others are called as in the table of prices
TRACE = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
KIND_CLIENT, STATUS_ERROR = 3, 2
log = logging.getLogger("lrrc.proxy")


class Spans:
    """Sends spans to `url`, the collector's base address or that of its traces. Belongs to the event loop."""

    def __init__(self, url: str):
        self.url = url if url.endswith("/v1/traces") else f"{url.rstrip('/')}/v1/traces"
        self._waiting: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    def add(self, call: Call, conversation: str) -> None:
        """`conversation` is what stands for its name outside."""
        if len(self._waiting) < MOST:
            self._waiting.append(span_of(call, conversation))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(PAUSE)
        await self.flush()

    async def flush(self) -> None:
        """What the collector does not take is dropped, and the log says so once."""
        spans, self._waiting = self._waiting, []
        if not spans:
            return
        scope = {"scope": {"name": "lrrc.proxy"}, "spans": spans}
        resource = {"attributes": attributes({"service.name": "lrrc"})}
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                body = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
                (await client.post(self.url, json=body)).raise_for_status()
            self._failed = False
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if not self._failed:
                log.error("%s: spans are dropped: %s", self.url, type(error).__name__)
            self._failed = True


def span_of(call: Call, conversation: str) -> dict[str, Any]:
    receipt, usage, prices = call.receipt, call.usage, call.receipt.prices
    provider = prices.name.split()[0] if prices and prices.dollars is not None else None
    found = TRACE.fullmatch(call.traceparent)
    span = {
        "traceId": found[1] if found else secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": f"chat {call.model}" if call.model else "chat",
        "kind": KIND_CLIENT,
        "startTimeUnixNano": str(int(1e9 * call.began)),
        "endTimeUnixNano": str(int(1e9 * call.at)),
        "attributes": attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDERS.get(provider, provider),
                "gen_ai.request.model": call.model,
                "gen_ai.conversation.id": conversation,
                "gen_ai.agent.name": receipt.agent,
                "gen_ai.usage.input_tokens": usage and usage.prompt,
                "gen_ai.usage.output_tokens": usage and usage.completion,
                "gen_ai.usage.cache_read.input_tokens": usage and usage.cached,
                "gen_ai.usage.cache_creation.input_tokens": usage and usage.written,
                "lrrc.action": call.action,
                "lrrc.reason": receipt.reason,
                "lrrc.tokens_before": receipt.tokens_before,
                "lrrc.tokens_after": receipt.tokens_after,
                "lrrc.digest_tokens": receipt.digest_tokens,
                "lrrc.reusable_tokens": receipt.reusable_tokens,
                "lrrc.billed_before": receipt.billed_before,
                "lrrc.billed_after": receipt.billed_after,
                "lrrc.prices": prices and prices.name,
            }
        ),
    }
    if found:
        span["parentSpanId"] = found[2]
    if call.status[:1] != "2":
        span |= {"status": {"code": STATUS_ERROR}}
        span["attributes"] += attributes({"error.type": call.status})
    return span


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """As OTLP has them in JSON, where integers are texts; what is None is left out."""
    kinds = {str: "stringValue", float: "doubleValue"}
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {kinds[type(value)]: value}}
        for key, value in values.items()
        if value is not None
    ]
