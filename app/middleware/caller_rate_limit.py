"""What one caller may ask."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.middleware.rate_limit_policy import UNLIMITED_PATHS, RateLimitPolicy
from app.net.networks import client_network, is_loopback
from app.settings.limits import RateLimits
from app.telemetry.metrics.registry import Metrics


class CallerRateLimitMiddleware:
    """Stands behind the gate: counts requests by their caller.

    Where no credentials are asked for, callers are told apart by address, and those on this host
    are not counted. Strangers were counted before the gate. By whom others are counted is told to
    what bounds streams, by `scope["state"]["counted_as"]`.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, metrics: Metrics) -> None:
        """Stand before an application.

        Args:
            app: the application.
            limits: how much one caller may.
            metrics: are told of refusals.
        """
        self._app = app
        self._requests = RateLimitPolicy(
            "caller",
            limits.rate_caller_requests,
            "This caller has asked too often.",
            metrics,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        counted_as = _counted_as(scope) if scope["type"] == "http" else None
        if counted_as is None:
            await self._app(scope, receive, send)
            return
        standing = self._requests.limiter.hit(counted_as)
        if not standing.is_within:
            await self._requests.reject(standing, scope, send)
            return
        scope["state"]["counted_as"] = counted_as

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.add_headers(message, standing)
            await send(message)

        await self._app(scope, receive, send_and_tell)


def _counted_as(scope: Scope) -> tuple[str, str] | None:
    """By what a request is counted; None where it is not."""
    caller: Caller = scope["state"]["caller"]
    if caller is UNAUTHENTICATED_CALLER or scope["path"] in UNLIMITED_PATHS:
        return None
    if caller.kind == "anonymous":
        network = client_network((scope.get("client") or ("",))[0])
        return None if is_loopback(network) else (caller.kind, network)
    return caller.rate_limit_key
