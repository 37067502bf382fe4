"""The client's address behind a trusted proxy."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.request_state import request_state
from app.net.forwarding import TrustedProxies


class ForwardedClientMiddleware:
    """Middleware that replaces a trusted proxy's address by that of the client it reports.

    It is the outermost, so that all others see the client: rate limits, the cache of accepted
    credentials and the log.
    """

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        """Wrap an application.

        Args:
            app: the application with all other middleware.
            proxies: the proxies that are believed.
        """
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        peer = scope.get("client")
        if scope["type"] == "http" and peer is not None:
            address = self._proxies.client_of(peer[0], scope["headers"])
            if address != peer[0]:
                scope["client"] = (address, 0)  # the port is unknown, and nothing uses it
                request_state(scope).proxy = peer[0]
        await self._app(scope, receive, send)
