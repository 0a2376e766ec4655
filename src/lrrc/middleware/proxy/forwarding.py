"""The proxy: an OpenAI-compatible address that shortens the prompts of chat completions on their way.

An application only changes its `base_url`. Of a POST to an address that ends in /chat/completions the field `messages`
is replaced by the coordinator's payload; every other field, header, path, status and byte of the answer passes as it
is, in the order and at the time it comes. Where the transform cannot work, the call goes out as it came in (`lrrc
serve` starts this).

    request headers   x-lrrc-conversation   names the conversation; else it is recognised by its beginning
                      x-lrrc-agent          names the agent that is called; else `model` where the history has replies
                                            of that name, else the agent that replied last
                      x-lrrc-budget         tokens of the digest for this call
                      x-lrrc-bypass         1: this request is left alone
    response headers  x-lrrc-action         rewritten, kept or passed (see Receipt); malformed or failed where the
                                            request went on untouched because it, or the transform, was at fault,
                                            unread where its body or address is none that is read, bypassed
                      x-lrrc-reason         why it went on unshortened
                      x-lrrc-tokens-before, x-lrrc-tokens-after, x-lrrc-conversation
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

import anyio
import httpx2
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.proxy.client import unreached
from lrrc.middleware.proxy.ledger import Ledger
from lrrc.middleware.proxy.reading import (
    BYPASSED,
    CHAT,
    OURS,
    LeftAlone,
    bypassed,
    decoded,
    kind_of,
    options_of,
    parse,
    written,
)

MAX_BODY = 64 * 2**20  # bytes of a request that are held to be shortened; a larger one streams through as it is
COMPOSERS = 2  # threads that compose at once: more of them would only keep the event loop from relaying answers
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
        kind = kind_of(scope["path"]) if scope["method"] == "POST" else None
        if kind == CHAT:
            body = given = await incoming.read(MAX_BODY)
            if isinstance(given, bytes):
                upstream, body, notes = await self.shorten(given, dict(scope["headers"]))
                # what was written anew has a length of its own, and no encoding
                changed = (b"content-length",) if body is given else (b"content-length", b"content-encoding")
                headers = [(name, value) for name, value in headers if name not in changed]
            else:
                notes = self.untouched("unread", f"a body of more than {MAX_BODY // 2**20} MiB")
        else:
            if kind:
                notes = self.untouched("unread", f"not a chat completion, but {kind}")
            holds_body = {b"content-length", b"transfer-encoding"} & {name for name, _ in headers}
            body = incoming.chunks() if holds_body else await incoming.read(0)
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
            reason = f"lrrc serve: no answer from the upstream ({unreached(error, request.url)})"
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
            encodings = headers.get(b"content-encoding")
            plain = await anyio.to_thread.run_sync(decoded, body, encodings, MAX_BODY) if encodings else body
            request = parse(plain)
            upstream = self.upstreams.get(request.get("model"), upstream)
            if bypassed(headers):
                raise LeftAlone(*BYPASSED)
            options = options_of(request, headers)
            async with self.composing:
                began = time.perf_counter()
                payload, receipt = await self.coordinator.acompose(request["messages"], **options)
                seconds = time.perf_counter() - began
            shorter = body if receipt.action == "passed" else written(request | {"messages": payload})
            self.ledger.composed(request, len(body), receipt, seconds)
        except LeftAlone as why:
            action, reason = BYPASSED if bypassed(headers) else (why.action, why.reason)
            return upstream, body, self.untouched(action, reason)
        except (ValueError, RecursionError) as error:  # its text may quote the messages
            return upstream, body, self.untouched("malformed", "its messages are not those of a chat completion", error)
        except Exception as error:  # whatever it is: the call is worth more than its saving
            return upstream, body, self.untouched("failed", f"a mistake of lrrc's own, at {place(error)}", error)
        notes = {
            "x-lrrc-action": receipt.action,
            "x-lrrc-tokens-before": str(receipt.tokens_before),
            "x-lrrc-tokens-after": str(receipt.tokens_after),
            "x-lrrc-conversation": receipt.conversation,
        }
        return upstream, shorter, notes | ({"x-lrrc-reason": receipt.reason} if receipt.action == "passed" else {})

    def untouched(self, action: str, reason: str, error: Exception | None = None) -> dict[str, str]:
        """Count a request that goes on as it came; the log has what developers need of an error, never its text."""
        if self.ledger.untouched(action, reason) and action != "bypassed":
            origin = f" ({type(error).__name__} in {place(error)})" if error else ""
            log.warning("%s: %s%s; such requests go on as they come", action, reason, origin)
        return {"x-lrrc-action": action, "x-lrrc-reason": reason}


def place(error: Exception) -> str:
    """Where in the code an error was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without those that concern one connection only (RFC 9110, 7.6.1); names in lower case."""
    headers = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in headers if name == b"connection").lower().split(b",")
    dropped = HOP_BY_HOP | {name.strip() for name in named}
    return [(name, value) for name, value in headers if name not in dropped]


def address(upstream: httpx2.URL, scope: Scope) -> httpx2.URL:
    """/v1/... under the upstream's own base path, any other path at its root; the query as it is."""
    path = scope.get("raw_path") or scope["path"].encode()
    if path.lstrip(b"/").startswith(b"v1/"):  # of a base_url that ends in a slash
        path = b"/" + path.lstrip(b"/")
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
