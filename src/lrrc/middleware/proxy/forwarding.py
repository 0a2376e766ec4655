"""The proxy: an address that shortens prompts on their way, in the forms of OpenAI's chat completions, its Responses
API, and Anthropic's Messages API.

An application only changes its `base_url`. Of a POST to an address that ends in /chat/completions, /responses or
/v1/messages the prompt (the field `messages` or `input`) is replaced by the coordinator's payload; every other field,
header, path, status and byte of the answer passes as it is, in the order and at the time it comes. Where the transform
cannot work, the call goes out as it came in (`lrrc serve` starts this).

    request headers   x-lrrc-conversation   names the conversation; else it is recognised by its beginning
                      x-lrrc-agent          names the agent that is called; else `model` where the history has replies
                                            of that name, else the agent that replied last
                      x-lrrc-budget         tokens of the digest for this call
                      x-lrrc-bypass         1: this request is left alone
    response headers  x-lrrc-action         rewritten, kept or passed (see Receipt); malformed or failed where the
                                            request went on untouched because it, or the transform, was at fault,
                                            unread where its body or address is none that is read, bypassed;
                                            refused where the upstream took it only as it came, or not at all
                      x-lrrc-reason         why it went on unshortened
                      x-lrrc-tokens-before, x-lrrc-tokens-after, x-lrrc-conversation
                      x-lrrc-recalled       how often the model asked for what was left out, and was answered here
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from lrrc.middleware.conversation import HELD_OUT, LEFT_ALONE
from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.proxy import offering
from lrrc.middleware.proxy.books import Call
from lrrc.middleware.proxy.client import unreached
from lrrc.middleware.proxy.composing import BYPASSED, Apart, Outcome, shorten
from lrrc.middleware.proxy.ledger import Ledger
from lrrc.middleware.proxy.reading import OURS, SHORTENED, LeftAlone, bypassed, decoded, kind_of
from lrrc.middleware.proxy.usage import UsageReader
from lrrc.middleware.receipt import Receipt

MAX_BODY = 64 * 2**20  # bytes of a request that are held to be shortened; a larger one streams through as it is
REFUSALS = (400, 422)  # statuses by which servers say that a prompt is none that they take
CONVERSATION = "x-lrrc-conversation"
COMPOSERS = 2  # threads that compose at once: more of them would only keep the event loop from relaying answers
LARGE = 2**20  # bytes of a request that is composed in a process apart, so that no small one waits for it
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


@dataclass
class Forwarded:
    """What goes upstream: a body and the headers that tell the client what was done. `entry` is what the ledger is told
    of a composed prompt, `original` the body that came, where another is sent; a `large` one was composed apart.
    `offers` is the kind of a prompt in which the tool lrrc_recall is the proxy's own."""

    upstream: httpx2.URL
    body: bytes | AsyncIterator[bytes]
    notes: dict[str, str]
    entry: tuple[dict[str, Any], int, Receipt, float] | None = None
    original: bytes | None = None
    large: bool = False
    refused: bool = False
    offers: str | None = None


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
        self.apart = Apart(coordinator.policy, coordinator.settings)
        coordinator.scales |= ledger.books.scales()

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
        began = time.time()
        prompt = await self.read(scope, incoming)
        try:
            response = await self.ask(scope, prompt)
            response, chunks = await self.recalling(scope, prompt, response, began)
        except (httpx2.InvalidURL, httpx2.LocalProtocolError):  # nothing that could be sent on
            incoming.outcome = "refused"
            reason = "lrrc serve: not an address and headers of HTTP"
            refusal = JSONResponse({"error": {"message": reason, "type": "invalid_request_error"}}, 400, prompt.notes)
            return await refusal(scope, incoming.receive, send)
        except httpx2.TransportError as error:
            incoming.outcome = "unreachable"
            if prompt.entry:
                self.bill(prompt, scope, incoming.outcome, began)
            reason = f"lrrc serve: no answer from the upstream ({unreached(error, address(prompt.upstream, scope))})"
            refusal = JSONResponse({"error": {"message": reason, "type": "upstream_unreachable"}}, 502, prompt.notes)
            return await refusal(scope, incoming.receive, send)
        usage = UsageReader(response.headers) if prompt.entry else None
        try:
            kept = end_to_end(response.headers.raw)
            kept += [(name.encode(), value.encode("latin-1")) for name, value in prompt.notes.items()]
            await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
            async for chunk in chunks:
                if ends(chunk):  # many clients leave here, without waiting for the end
                    incoming.outcome = str(response.status_code)
                if usage:
                    usage.feed(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            incoming.outcome = str(response.status_code)
            await send({"type": "http.response.body", "body": b""})
        except httpx2.TransportError:
            incoming.outcome = "broken"  # unfinished here too: the server then closes the client's connection
        finally:
            if prompt.entry:
                self.bill(prompt, scope, incoming.outcome, began, usage)
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def recalling(
        self, scope: Scope, prompt: Forwarded, response: httpx2.Response, began: float
    ) -> tuple[httpx2.Response, AsyncIterator[bytes]]:
        """The answer to relay, and its chunks. One that calls the proxy's own tool alone is answered here, and the
        upstream asked again; where it does not take that, it is sent the original."""
        for asked in range(1, offering.ROUNDS + 1):
            chunks = response.aiter_raw()
            if prompt.offers is None:
                return response, chunks
            held, call = await offering.beginning(prompt.offers, response, chunks)
            if call is None:
                return response, _rest(held, chunks)
            usage = UsageReader(response.headers)
            usage.feed(b"".join(held))
            self.bill(prompt, scope, str(response.status_code), began, usage)
            await response.aclose()
            try:
                text = await self.recall(prompt.notes[CONVERSATION], call.query)
            except ValueError as unknown:
                text = str(unknown)
            prompt.body = offering.answered(prompt.offers, prompt.body, call, text)
            prompt.notes["x-lrrc-recalled"] = str(asked)
            response = await self.send(scope, prompt)
            if response.status_code in REFUSALS:
                await response.aclose()
                prompt.body, prompt.original, prompt.offers = prompt.original, None, None
                response = await self.send(scope, prompt)
        return response, response.aiter_raw()

    async def recall(self, conversation: str, query: str) -> str:
        """As `Coordinator.recall`, of large conversations too. Raises ValueError."""
        try:
            return await anyio.to_thread.run_sync(self.coordinator.recall, conversation, query)
        except ValueError as unknown:
            try:
                return await self.apart.recall(conversation, query)
            except ValueError:
                raise unknown from None

    def bill(
        self, prompt: Forwarded, scope: Scope, status: str, began: float, usage: UsageReader | None = None
    ) -> None:
        """Enter what a composed call cost, by the upstream's own words where they could be read."""
        request, _, receipt, _ = prompt.entry
        action = "refused" if prompt.refused else receipt.action
        found, trace = usage and usage.usage(), dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        self.ledger.answered(Call(request["model"], action, status, receipt, found, began, time.time(), trace))
        self.coordinator.scales[request["model"]] = self.ledger.books.scale(request["model"])

    async def read(self, scope: Scope, incoming: IncomingRequest) -> Forwarded:
        """What goes upstream in place of a request: a prompt shortened, all else as it comes."""
        upstream, headers = self.upstreams[None], dict(scope["headers"])
        kind = kind_of(scope["path"]) if scope["method"] == "POST" else None
        if kind in SHORTENED:
            body = await incoming.read(MAX_BODY)
            if isinstance(body, bytes):
                return await self.shorten(body, headers, kind)
            return Forwarded(upstream, body, self.untouched("unread", f"a body of more than {MAX_BODY // 2**20} MiB"))
        notes = self.untouched("unread", f"not a prompt of a form that is shortened, but {kind}") if kind else {}
        holds_body = {b"content-length", b"transfer-encoding"} & headers.keys()
        return Forwarded(upstream, incoming.chunks() if holds_body else await incoming.read(0), notes)

    async def ask(self, scope: Scope, prompt: Forwarded) -> httpx2.Response:
        """The upstream's answer. One that refuses a shortened prompt is sent the original, once; where it takes that,
        the conversation is left alone from then on."""
        refused = False
        try:
            response = await self.send(scope, prompt)
            refused = prompt.original is not None and response.status_code in REFUSALS
        finally:
            if prompt.entry and not refused:
                self.ledger.composed(*prompt.entry)
        if not refused:
            return response
        await response.aclose()
        prompt.body, prompt.original, prompt.offers = prompt.original, None, None
        prompt.refused = True
        reason = f"the upstream answered {response.status_code} to the shortened prompt"
        response = await self.send(scope, prompt)
        if response.status_code in REFUSALS:
            reason += ", and to the original"
        elif response.is_success:
            await self.leave_alone(prompt)
        prompt.notes = {**self.untouched("refused", reason), CONVERSATION: prompt.notes[CONVERSATION]}
        return response

    async def send(self, scope: Scope, prompt: Forwarded) -> httpx2.Response:
        """The answer's beginning. Raises InvalidURL and errors of httpx2's transport."""
        # what was written anew has a length of its own, and no encoding
        changed = () if prompt.original is None else (b"content-length", b"content-encoding")
        if prompt.offers:  # its answer is read before it is passed on
            changed = (*changed, b"accept-encoding")
        headers = [
            (name, value)
            for name, value in end_to_end(scope["headers"])
            if name not in (b"host", b"expect", *changed) and not name.startswith(OURS)
        ]
        if prompt.offers:
            headers.append((b"accept-encoding", b"identity"))
        url = address(prompt.upstream, scope)
        request = httpx2.Request(scope["method"], url, headers=headers, content=prompt.body)
        return await self.client.send(request, stream=True)

    async def shorten(self, body: bytes, headers: Mapping[bytes, bytes], kind: str) -> Forwarded:
        """A prompt, shortened if that is possible."""
        encodings = headers.get(b"content-encoding")
        try:
            plain = await anyio.to_thread.run_sync(decoded, body, encodings, MAX_BODY) if encodings else body
        except LeftAlone as why:
            action, reason = BYPASSED if bypassed(headers) else (why.action, why.reason)
            return Forwarded(self.upstreams[None], body, self.untouched(action, reason))
        offer = None
        if self.coordinator.settings.recall and not bypassed(headers):
            offer = await anyio.to_thread.run_sync(offering.offered, plain, kind)
        plain, large = offer or plain, len(plain) >= LARGE
        done = await (self.apart.shorten(plain, headers, kind) if large else self.in_a_thread(plain, headers, kind))
        upstream = self.upstreams.get(done.model, self.upstreams[None])
        receipt = done.receipt
        if receipt is None:
            return Forwarded(upstream, body, self.untouched(done.action, done.reason, done.origin))
        if large and self.coordinator.on_receipt:
            self.coordinator.on_receipt(receipt)
        notes = {
            "x-lrrc-action": receipt.action,
            "x-lrrc-tokens-before": str(receipt.tokens_before),
            "x-lrrc-tokens-after": str(receipt.tokens_after),
            CONVERSATION: receipt.conversation,
        }
        entry = ({"model": done.model, "kind": kind, "messages": done.messages}, len(body), receipt, done.seconds)
        if done.body is None:
            notes["x-lrrc-reason"] = receipt.reason
            if offer is None or receipt.reason in (HELD_OUT, LEFT_ALONE):
                return Forwarded(upstream, body, notes, entry)
        offers = kind if offer else None
        return Forwarded(upstream, done.body or offer, notes, entry, original=body, large=large, offers=offers)

    async def in_a_thread(self, body: bytes, headers: Mapping[bytes, bytes], kind: str) -> Outcome:
        return await anyio.to_thread.run_sync(shorten, self.coordinator, body, headers, kind, limiter=self.composing)

    async def leave_alone(self, prompt: Forwarded) -> None:
        name = prompt.notes[CONVERSATION]
        if prompt.large:
            await self.apart.leave_alone(name)
        else:
            await anyio.to_thread.run_sync(self.coordinator.leave_alone, name)

    def untouched(self, action: str, reason: str, origin: str = "") -> dict[str, str]:
        """Count a request that goes on as it came; the log has what developers need of an error, never its text."""
        if self.ledger.untouched(action, reason) and action != "bypassed":
            more = f" ({origin})" if origin else ""
            log.warning("%s: %s%s; such requests go on as they come", action, reason, more)
        return {"x-lrrc-action": action, "x-lrrc-reason": reason}


def ends(chunk: bytes) -> bool:
    """Does a stream's last event stand at the end of it?"""
    if chunk.endswith(b"data: [DONE]\n\n") or b"event: message_stop" in chunk[-200:]:
        return True
    return b"event: response.completed" in chunk and chunk.endswith(b"\n\n")


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
                return _rest([bytes(held)], chunks)
        return bytes(held)

    async def left(self) -> None:
        """Returns when the client has gone."""
        await self._read.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def _rest(held: Iterable[bytes], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in held:
        yield chunk
    async for chunk in chunks:
        yield chunk
