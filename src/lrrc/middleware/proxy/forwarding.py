"""The proxy: an OpenAI-compatible address that shortens the prompts of chat completions on their way.

An application only changes its `base_url`. Of a POST to /v1/chat/completions the field `messages` is replaced by the
coordinator's payload; every other field, header, path, status and byte of the answer passes as it is, in the order and
at the time it comes. Where the transform cannot work, the call goes out as it came in (`lrrc serve` starts this).

    request headers   x-lrrc-conversation   names the conversation; else it is recognised by its beginning
                      x-lrrc-agent          names the agent that is called; else `model` where the history has replies
                                            of that name, else the agent that replied last
                      x-lrrc-budget         tokens of the digest for this call
    response headers  x-lrrc-action         rewritten, kept or passed (see Receipt); malformed or failed where the
                                            request went on untouched because it, or the transform, was at fault
                      x-lrrc-tokens-before, x-lrrc-tokens-after, x-lrrc-conversation
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import anyio
import httpx2
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.proxy.ledger import Ledger

CHAT = "/v1/chat/completions"
MAX_BODY = 64 * 2**20  # bytes of a request that are held to be shortened; a larger one streams through as it is
COMPOSERS = 2  # threads that compose at once: more of them would only keep the event loop from relaying answers
OURS = b"x-lrrc-"
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
log = logging.getLogger("lrrc.proxy")


def make_client() -> httpx2.AsyncClient:
    """An HTTP client that adds nothing of its own, keeps no cookies and leaves the patience to the caller.

    Idle connections are dropped before common servers (5 s) would close them under a request.
    """
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=10),
        limits=httpx2.Limits(max_keepalive_connections=100, keepalive_expiry=2),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


class Proxy:
    """The ASGI application of everything but the pages.

    `upstreams` maps a model's name to the base address of its server (the one that ends in /v1); None is the default.
    """

    def __init__(
        self, coordinator: Coordinator, upstreams: Mapping[str | None, str], ledger: Ledger, client: httpx2.AsyncClient
    ):
        self.coordinator, self.ledger, self.client = coordinator, ledger, client
        self.upstreams = {model: httpx2.URL(address) for model, address in upstreams.items()}
        self.composing = anyio.CapacityLimiter(COMPOSERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = IncomingRequest(receive)
        async with anyio.create_task_group() as group:

            async def leave() -> None:
                await incoming.left()
                group.cancel_scope.cancel()  # closes the connection to the upstream, which so learns of it

            group.start_soon(leave)
            with self.ledger.open.track_inprogress():
                await self.answer(scope, incoming, send)
            group.cancel_scope.cancel()
        self.ledger.replied(incoming.outcome)

    async def answer(self, scope: Scope, incoming: IncomingRequest, send: Send) -> None:
        """Forward one request, and its answer back."""
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(OURS)]
        upstream, notes = self.upstreams[None], {}
        if scope["method"] == "POST" and scope["path"] == CHAT:
            body = await incoming.read(MAX_BODY)
            if isinstance(body, bytes):
                upstream, body, notes = await self.shorten(body, dict(scope["headers"]))
                headers = [(name, value) for name, value in headers if name != b"content-length"]
        elif {b"content-length", b"transfer-encoding"} & {name for name, _ in headers}:
            body = incoming.chunks()
        else:
            body = await incoming.read(0)
        headers = [(name, value) for name, value in end_to_end(headers) if name not in (b"host", b"expect")]
        try:
            request = httpx2.Request(scope["method"], address(upstream, scope), headers=headers, content=body)
            response = await self.client.send(request, stream=True)
        except (httpx2.InvalidURL, httpx2.LocalProtocolError):  # nothing that could be sent on
            incoming.outcome = "refused"
            reason = "lrrc serve: not an address and headers of HTTP"
            refusal = JSONResponse({"error": {"message": reason, "type": "invalid_request_error"}}, 400, notes)
            return await refusal(scope, incoming.receive, send)
        except httpx2.TransportError as error:
            incoming.outcome = "unreachable"
            reason = f"lrrc serve: no answer from the upstream ({type(error).__name__})"
            refusal = JSONResponse({"error": {"message": reason, "type": "upstream_unreachable"}}, 502, notes)
            return await refusal(scope, incoming.receive, send)
        try:
            kept = end_to_end(response.headers.raw)
            kept += [(name.encode(), value.encode("latin-1")) for name, value in notes.items()]
            await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
            async for chunk in response.aiter_raw():
                if chunk.endswith(b"data: [DONE]\n\n"):  # many clients leave here, without waiting for the end
                    incoming.outcome = str(response.status_code)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            incoming.outcome = str(response.status_code)
            await send({"type": "http.response.body", "body": b""})
        except httpx2.TransportError:
            incoming.outcome = "broken"  # unfinished here too: the server then closes the client's connection
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def shorten(self, body: bytes, headers: Mapping[bytes, bytes]) -> tuple[httpx2.URL, bytes, dict[str, str]]:
        """Where the request goes, the body to send, and the headers that say what was done."""
        upstream = self.upstreams[None]
        try:
            request = parse(body)
            upstream = self.upstreams.get(request.get("model"), upstream)
            options = options_of(request, headers)
            async with self.composing:
                began = time.perf_counter()
                payload, receipt = await self.coordinator.acompose(request["messages"], **options)
                seconds = time.perf_counter() - began
            shorter = body
            if receipt.action != "passed":  # NaN and 1e999 are no numbers that could be written again
                shorter = json.dumps(request | {"messages": payload}, allow_nan=False).encode()
            self.ledger.composed(request, len(body), receipt, seconds)
        except (ValueError, RecursionError) as error:
            return upstream, body, self.untouched("malformed", error)
        except Exception as error:  # whatever it is: the call is worth more than its saving
            return upstream, body, self.untouched("failed", error)
        return (
            upstream,
            shorter,
            {
                "x-lrrc-action": receipt.action,
                "x-lrrc-tokens-before": str(receipt.tokens_before),
                "x-lrrc-tokens-after": str(receipt.tokens_after),
                "x-lrrc-conversation": receipt.conversation,
            },
        )

    def untouched(self, action: str, error: Exception) -> dict[str, str]:
        """Count and log what went wrong by its kind and place alone: its text may quote the messages."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
        if self.ledger.untouched(action, reason):
            log.warning("%s: %s; such requests go on as they come", action, reason)
        return {"x-lrrc-action": action}


def parse(body: bytes) -> dict[str, Any]:
    """A request with a list of messages. Raises ValueError."""
    request = json.loads(body)
    if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
        raise ValueError("not a chat completion: an object with a list `messages`")
    if not isinstance(request.get("model", ""), str):
        raise ValueError("model is not a text")
    return request


def options_of(request: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Options of `Coordinator.compose` from the headers and the request. Raises ValueError."""
    given = {
        key: headers.get(OURS + key.encode(), b"").decode("latin-1") for key in ("conversation", "agent", "budget")
    }
    spoken = [m for m in request["messages"] if isinstance(m, dict) and m.get("role") == "assistant"]
    speakers = {m.get("name") for m in spoken if isinstance(m.get("name"), str)}
    model = request.get("model")
    return {
        "conversation": given["conversation"][:200] or None,
        "agent": given["agent"] or (model if model in speakers else None),
        "budget": int(given["budget"]) if given["budget"] else None,
        "tools": request.get("tools"),
    }


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without those that concern one connection only (RFC 9110, 7.6.1); names in lower case."""
    headers = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in headers if name == b"connection").lower().split(b",")
    dropped = HOP_BY_HOP | {name.strip() for name in named}
    return [(name, value) for name, value in headers if name not in dropped]


def address(upstream: httpx2.URL, scope: Scope) -> httpx2.URL:
    """/v1/... under the upstream's own base path, any other path at its root; the query as it is."""
    path = scope.get("raw_path") or scope["path"].encode()
    base = upstream.raw_path.rstrip(b"/")
    path = base + path.removeprefix(b"/v1") if path.startswith(b"/v1/") else path
    query = scope["query_string"]
    return upstream.copy_with(raw_path=path + (b"?" + query if query else b""))


class IncomingRequest:
    """The request's body as it arrives, and after it the client's leaving; `outcome` is how the call ended."""

    def __init__(self, receive: Receive):
        self.receive = receive
        self.outcome = "cancelled"  # unless it comes to another end
        self._read = anyio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                self._read.set()
                await anyio.sleep_forever()  # `left` sees it too, and cancels
            yield message.get("body", b"")
            if not message.get("more_body"):
                self._read.set()
                return

    async def read(self, limit: int) -> bytes | AsyncIterator[bytes]:
        """The whole body; where it has more than `limit` bytes, its chunks."""
        held, chunks = bytearray(), self.chunks()
        async for chunk in chunks:
            held += chunk
            if len(held) > limit:
                return _rest(bytes(held), chunks)
        return bytes(held)

    async def left(self) -> None:
        """Returns when the client has gone."""
        await self._read.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def _rest(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk
