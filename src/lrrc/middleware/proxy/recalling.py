"""POST /recall: {"conversation": ..., "query": ...} in, {"text": ...} out, for the tool of `lrrc mcp`."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lrrc.middleware.proxy.forwarding import Proxy
from lrrc.middleware.proxy.pages import PRIVATE, Json

MOST = 100_000  # bytes of a request


class Recall:
    """The endpoint, beside the proxy whose conversations it reads. Whoever may see the pages may ask."""

    def __init__(self, proxy: Proxy):
        self.proxy = proxy

    async def answer(self, request: Request) -> Response:
        body = await request.body() if int(request.headers.get("content-length", MOST + 1)) <= MOST else b""
        try:
            asked = json.loads(body)
            conversation, query = asked["conversation"], asked["query"]
        except (ValueError, RecursionError, TypeError, KeyError):
            conversation = query = None
        if not (isinstance(conversation, str) and isinstance(query, str)):
            return refusal('allowed is an object with the texts "conversation" and "query"', 400)
        try:
            text = await self.proxy.recall(conversation, query)
        except ValueError as unknown:
            return refusal(str(unknown), 404)
        return Json({"text": text}, headers=PRIVATE)


def refusal(message: str, status: int) -> Response:
    return JSONResponse({"error": {"message": f"lrrc: {message}", "type": "invalid_request_error"}}, status, PRIVATE)
