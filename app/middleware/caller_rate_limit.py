"""The rate limit per caller."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.request_state import request_state
from app.auth.callers import UNAUTHENTICATED_CALLER
from app.middleware.rate_limit_policy import UNLIMITED_PATHS, RateLimitPolicy
from app.net.forwarding import TrustedProxies
from app.net.networks import client_network, is_loopback
from app.settings.limits import RateLimits


class CallerRateLimitMiddleware:
    """Middleware that limits the requests of each caller, after authentication.

    If the server requires no credentials, it distinguishes callers by address, and callers on this
    host are not limited, except trusted proxies. If it requires credentials,
    `AddressRateLimitMiddleware` limits requests without a valid credential. The limit on streams
    per caller distinguishes callers likewise.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, proxies: TrustedProxies) -> None:
        """Wrap an application.

        Args:
            app: the application.
            limits: the rate limits from the settings.
            proxies: the trusted proxies, whose requests are other machines' even if they do not
                name the client.
        """
        self._app = app
        self._proxies = proxies
        self._requests = RateLimitPolicy(
            "caller",
            limits.rate_limit_per_caller,
            "This caller exceeded its rate limit.",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it with 429."""
        key = self._key(scope) if scope["type"] == "http" else None
        if key is None:
            await self._app(scope, receive, send)
            return
        status = self._requests.limiter.hit(key)
        if not status.is_within:
            await self._requests.reject(status, scope, receive, send)
            return
        request_state(scope).rate_limit_key = key
        await self._app(scope, receive, self._requests.with_headers(status, send))

    def _key(self, scope: Scope) -> tuple[str, str] | None:
        """Return the key that a request counts against, or None if it is not limited."""
        caller = request_state(scope).caller
        if caller is UNAUTHENTICATED_CALLER or scope["path"] in UNLIMITED_PATHS:
            return None
        if caller.kind == "anonymous":
            network = client_network((scope.get("client") or ("",))[0])
            is_exempt = is_loopback(network) and network not in self._proxies
            return None if is_exempt else (caller.kind, network)
        return caller.rate_limit_key
