"""What a person or a monitor sees of the proxy: GET / (a page), GET /stats (JSON, or Prometheus' text), and who may."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import anyio
import jinja2
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from lrrc.middleware.proxy.ledger import Ledger

PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


class Json(JSONResponse):
    """In ASCII: half a surrogate pair, which UTF-8 cannot hold, may stand in any text of a request."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def routes(ledger: Ledger, about: dict[str, Any]) -> list[Route]:
    """The page and the statistics; `about` is what the page says of the proxy (policy, budget, share of
    standing rules, upstreams)."""
    html, policy = page()

    async def index(request: Request) -> Response:
        return HTMLResponse(html, headers=PRIVATE | {"content-security-policy": policy})

    async def stats(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        kind = request.query_params.get("format")
        if kind == "prometheus" or not kind and "json" not in accept and re.search("openmetrics|text/plain", accept):
            encode, content_type = choose_encoder(accept)
            return Response(encode(ledger.registry), headers=PRIVATE | {"content-type": content_type})
        billed = await anyio.to_thread.run_sync(ledger.books.summary)
        return Json(about | ledger.summary() | {"billed": billed}, headers=PRIVATE)

    async def conversation(request: Request) -> Response:
        entry = ledger.conversations.get(request.path_params["name"])
        if entry is None:
            return Json({"error": {"message": "no such live conversation", "type": "not_found"}}, 404, PRIVATE)
        return Json(entry.detail(), headers=PRIVATE)

    return [Route("/", index), Route("/stats", stats), Route("/stats/{name:path}", conversation)]


def page() -> tuple[str, str]:
    """The page, which has no data in it, and a content security policy that allows its own script and style only."""
    # the style of the report is the proxy's too
    folders = jinja2.ChoiceLoader([jinja2.PackageLoader(f"lrrc.{name}") for name in ("middleware.proxy", "report")])
    loader = jinja2.Environment(loader=folders, autoescape=True, undefined=jinja2.StrictUndefined)
    source = loader.loader.get_source
    css = "".join(source(loader, name)[0] for name in ("report.css", "proxy.css"))
    js = source(loader, "proxy.js")[0]
    html = loader.get_template("proxy.html.j2").render(css=css, js=js)
    digests = {
        kind: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in (("style", css), ("script", js))
    }
    allowed = "".join(f"; {kind}-src 'sha256-{digest}'" for kind, digest in digests.items())
    return (
        html,
        f"default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'{allowed}",
    )


class Guard:
    """Lets in who may come in.

    With a token, every request has to show it: in the header x-lrrc-token, or, for the page and the statistics, as
    ?token=. A browser's preflight cannot show it and carries nothing: it passes, but to the pages. Without a token the
    proxy listens on loopback only, and its pages answer to loopback names only, so that no web site can read them by
    pointing a name of its own at this machine.
    """

    def __init__(self, app: ASGIApp, token: str | None):
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and (refusal := self.refusal(scope)):
            return await refusal(scope, receive, send)
        await self.app(scope, receive, send)

    def refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        pages = scope["path"] == "/" or scope["path"].split("/")[1] in ("stats", "recall")
        if self.token and (pages or not is_preflight(scope, headers)):
            shown = [headers.get(b"x-lrrc-token", b"")]
            if pages:
                shown += [text.encode() for text in parse_qs(scope["query_string"].decode("latin-1")).get("token", [])]
            if any(secrets.compare_digest(text, self.token.encode()) for text in shown):
                return None
            message = "lrrc serve: this proxy needs its token, in the header x-lrrc-token"
            return JSONResponse({"error": {"message": message, "type": "lrrc_token"}}, 401)
        if pages and not is_loopback(headers.get(b"host", b"").decode("latin-1")):
            return JSONResponse({"error": {"message": "lrrc serve: not the address of these pages"}}, 403)
        return None


def is_preflight(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Is it the question, without a body, that a browser puts before a page of another origin may send its request?"""
    asked = {b"origin", b"access-control-request-method"} <= headers.keys()
    empty = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
    return scope.get("method") == "OPTIONS" and asked and empty


def is_loopback(host: str) -> bool:
    """Is `host` (a name or an address, with or without a port) this machine and nothing else?"""
    name = (
        host.rsplit("]", 1)[0].lstrip("[")
        if host.startswith("[")
        else host.split(":")[0]
        if host.count(":") < 2
        else host
    )
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
