"""WebSockets, forwarded message for message: no prompt in one is shortened."""

from __future__ import annotations

import anyio
import httpx2
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from lrrc.middleware.proxy.client import CONNECT, certificates
from lrrc.middleware.proxy.forwarding import address, end_to_end
from lrrc.middleware.proxy.pages import is_loopback
from lrrc.middleware.proxy.reading import OURS

HANDSHAKE = b"sec-websocket-"  # headers by which two ends of one connection agree
UNSAID = {1005: 1000, 1006: 1011}  # codes that stand for none, and what is said instead


class Sockets:
    """The ASGI application of WebSockets, to the same place of the `upstream`."""

    def __init__(self, upstream: str):
        self.upstream = httpx2.URL(upstream)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that somebody wants to connect
        try:
            upstream = await self.connect(scope)
        except InvalidStatus as error:
            found = error.response
            headers = {key: value for key, value in found.headers.raw_items() if key.lower() != "content-length"}
            return await Response(bytes(found.body or b""), found.status_code, headers)(scope, receive, send)
        except (OSError, WebSocketException):
            message = "lrrc serve: no WebSocket from the upstream"
            refusal = JSONResponse({"error": {"message": message, "type": "upstream_unreachable"}}, 502)
            return await refusal(scope, receive, send)
        async with upstream, anyio.create_task_group() as group:

            async def there() -> None:
                await from_client(receive, upstream)
                group.cancel_scope.cancel()

            kept = end_to_end((k.encode(), v.encode("latin-1")) for k, v in upstream.response.headers.raw_items())
            headers = [(name, value) for name, value in kept if not name.startswith(HANDSHAKE)]
            await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol, "headers": headers})
            group.start_soon(there)
            await to_client(upstream, send)
            group.cancel_scope.cancel()

    async def connect(self, scope: Scope) -> ClientConnection:
        """The upstream's end. Raises OSError and what websockets raises."""
        url = address(self.upstream, scope)
        url = url.copy_with(scheme="wss" if url.scheme == "https" else "ws")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in end_to_end(scope["headers"])
            if name not in (b"host", b"origin") and not name.startswith((OURS, HANDSHAKE))
        ]
        origin = dict(scope["headers"]).get(b"origin")
        return await connect(
            str(url),
            origin=origin.decode("latin-1") if origin else None,
            subprotocols=scope["subprotocols"] or None,
            additional_headers=headers,
            user_agent_header=None,
            proxy=None if is_loopback(url.host) else True,
            open_timeout=CONNECT,
            ping_interval=None,
            max_size=None,
            **({"ssl": certificates()} if url.scheme == "wss" else {}),
        )


async def from_client(receive: Receive, upstream: ClientConnection) -> None:
    """Until the client leaves; then the upstream learns of it."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        try:
            await upstream.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            return await anyio.sleep_forever()  # `to_client` says so
    code = message.get("code", 1005)
    await upstream.close(UNSAID.get(code, code), message.get("reason") or "")


async def to_client(upstream: ClientConnection, send: Send) -> None:
    """Until the upstream ends it; then the client learns of it."""
    try:
        while True:
            data = await upstream.recv()
            await send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})
    except ConnectionClosed as closed:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        await send({"type": "websocket.close", "code": UNSAID.get(code, code), "reason": reason})
