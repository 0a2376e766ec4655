"""POST /v1/compress: a request of any API that is shortened in, the request to send instead and its receipt out.

So any language is a client, and sends the payload itself. The body is the request as its API has it; `?dialect=` (chat,
messages or responses) says which that is, where neither its fields nor the blocks of its messages do. Headers are those
of the proxy: x-lrrc-conversation, x-lrrc-agent, x-lrrc-budget.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lrrc.middleware.blocks import written_in
from lrrc.middleware.proxy.composing import Outcome
from lrrc.middleware.proxy.forwarding import LARGE, MAX_BODY, Proxy
from lrrc.middleware.proxy.reading import CHAT, MESSAGES, RESPONSES, LeftAlone, decoded, strictly_read
from lrrc.middleware.proxy.splicing import text_of

DIALECTS = {"chat": CHAT, "messages": MESSAGES, "responses": RESPONSES}


class Compress:
    """The endpoint, beside the proxy whose conversations it shares."""

    def __init__(self, proxy: Proxy):
        self.proxy = proxy

    async def answer(self, request: Request) -> Response:
        headers = dict(request.scope["headers"])
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return refusal(f"a body of more than {MAX_BODY // 2**20} MiB", 413)
        try:
            encodings, named = headers.get(b"content-encoding", b""), request.query_params.get("dialect")
            plain, kind = await anyio.to_thread.run_sync(read, bytes(body), encodings, named)
        except LeftAlone as why:
            return refusal(why.reason)
        compose = self.proxy.apart.shorten if len(plain) >= LARGE else self.proxy.in_a_thread
        done: Outcome = await compose(plain, headers, kind)
        if done.receipt is None:
            return refusal(done.problem or done.reason, 500 if done.action == "failed" else 400)
        self.proxy.ledger.composed(
            {"model": done.model, "kind": kind, "messages": done.messages}, len(body), done.receipt, done.seconds
        )
        payload = text_of(done.body or plain)
        answer = f'{{"payload": {payload}, "receipt": {json.dumps(done.receipt.to_dict())}}}'
        return Response(answer.encode("utf-8", "surrogatepass"), media_type="application/json")


def read(body: bytes, encodings: bytes, named: str | None) -> tuple[bytes, str]:
    """The plain body, and its kind. Raises LeftAlone."""
    plain = decoded(body, encodings, MAX_BODY)
    return plain, dialect(named, strictly_read(plain))


def dialect(named: str | None, request: Any) -> str:
    """The kind of a request: as it is named, else by its fields and its messages. Raises LeftAlone."""
    if named is not None:
        if named not in DIALECTS:
            raise LeftAlone("malformed", f"`dialect`: allowed is one of {', '.join(DIALECTS)}")
        return DIALECTS[named]
    fields = request if isinstance(request, dict) else {}
    if "input" in fields:
        return RESPONSES
    return MESSAGES if "system" in fields or written_in(fields.get("messages")) else CHAT


def refusal(message: str, status: int = 400) -> Response:
    return JSONResponse({"error": {"message": f"lrrc: {message}", "type": "invalid_request_error"}}, status)
