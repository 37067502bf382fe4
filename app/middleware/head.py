"""HEAD for every resource that supports GET (RFC 9110, 9.3.2)."""

from __future__ import annotations

import anyio
import anyio.lowlevel
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Middleware that answers HEAD like GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; cancel the handling of HEAD when the response body begins."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": b""})
                answering.cancel()
                await anyio.lowlevel.checkpoint()
            else:
                await send(message)

        as_get = {**scope, "method": "GET"}
        with anyio.CancelScope() as answering:
            await self._app(as_get, receive, send_head)
        scope["route"] = as_get.get("route")  # for outer middleware
