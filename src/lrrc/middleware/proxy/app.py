"""The proxy as one ASGI application: the pages, and everything else forwarded."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from lrrc.middleware.coordinator import Coordinator
from lrrc.middleware.proxy.client import make_client
from lrrc.middleware.proxy.compress import Compress
from lrrc.middleware.proxy.forwarding import Proxy
from lrrc.middleware.proxy.ledger import Ledger
from lrrc.middleware.proxy.pages import Guard, routes
from lrrc.middleware.proxy.recalling import Recall
from lrrc.middleware.proxy.sockets import Sockets

SWITCH = 0.0005  # s that a thread which composes may hold back the one that relays; Python's own is ten times that
log = logging.getLogger("lrrc.proxy")


def create_app(
    coordinator: Coordinator,
    upstreams: Mapping[str | None, str],
    token: str | None = None,
    ledger: Ledger | None = None,
    state: Path | None = None,
) -> Starlette:
    """An ASGI application, to be run by one process.

    `upstreams` as `Proxy` has them. With `token`, every request has to show it. Conversations are written into the
    folder `state` when the application ends. Raises ValueError where the environment lets no upstream be asked.
    """
    ledger = ledger or Ledger(coordinator.settings.max_sessions)
    about: dict[str, Any] = {
        "policy": coordinator.policy.name,
        "budget": coordinator.policy.spec.budget,
        "standing": coordinator.policy.spec.rules.standing,
        "upstreams": [f"{model}: {url}" if model else url for model, url in upstreams.items()],
    }
    client = make_client(upstreams.values())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        try:
            async with client:
                yield
        finally:
            sys.setswitchinterval(before)
            proxy.apart.end()
            await ledger.close()
        if state:
            try:
                await anyio.to_thread.run_sync(coordinator.save, state)
            except (OSError, ValueError) as error:
                log.error("%s: conversations are not kept: %s", state, error)

    proxy = Proxy(coordinator, upstreams, ledger, client)
    return Starlette(
        routes=[
            *routes(ledger, about),
            Route("/v1/compress", Compress(proxy).answer, methods=["POST"]),
            Route("/recall", Recall(proxy).answer, methods=["POST"]),
            Route("/{path:path}", proxy),
            WebSocketRoute("/{path:path}", Sockets(upstreams[None])),
        ],
        middleware=[Middleware(Guard, token=token)],
        lifespan=lifespan,
    )
