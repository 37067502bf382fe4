"""FastAPI with the protection that every server has: who may ask, how often, and who asked."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api.problems import ProblemError
from app.api.security import public_requests
from app.auth.authenticator import Authenticator
from app.middleware.address_rate_limit import (
    AddressRateLimitMiddleware,
    VerifiedCredentialCache,
    address_policy,
)
from app.middleware.authentication import AuthenticationMiddleware
from app.middleware.caller_rate_limit import CallerRateLimitMiddleware
from app.middleware.exact_paths import ExactPaths
from app.middleware.fair_turns import FairTurnsMiddleware
from app.middleware.forwarded_client import ForwardedClientMiddleware
from app.middleware.head import HeadMiddleware
from app.middleware.metrics import MetricsMiddleware
from app.middleware.query_limit import QueryLimitMiddleware
from app.middleware.request_log import RequestLogMiddleware
from app.middleware.trusted_hosts import HostValidationMiddleware
from app.net.forwarding import TrustedProxies
from app.net.networks import client_network
from app.service import Capacity
from app.settings.limits import RateLimits
from app.settings.server import LoggedRequests, ServerSettings
from app.telemetry.metrics.registry import Metrics


class Application(FastAPI):
    """FastAPI with the request log and metrics outside its error middleware.

    They therefore see every response, including those of the error middleware. `state.metrics` has
    the metrics before `protect` is called.
    """

    _logged: LoggedRequests
    _proxies: TrustedProxies

    def protect(
        self,
        settings: ServerSettings,
        credentials: Authenticator,
        capacity: Capacity,
        hosts: Iterable[str],
        logged: LoggedRequests,
    ) -> None:
        """Add the middleware, innermost first.

        Every middleware that can answer a request is inside a rate limit, so that every response
        counts. If credentials are required, `Host` is validated before authentication, so that the
        server verifies no credential that a page sends after DNS rebinding. Otherwise `Host` is
        validated inside the caller's rate limit, which then also counts requests with a rejected
        `Host`. Malformed requests never reach the application; `state.on_rejection` counts them.
        `state.is_verified` returns whether a credential was accepted from a client network.

        Args:
            settings: the server's settings.
            credentials: verifies credentials.
            capacity: what the callers share fairly.
            hosts: names accepted in `Host` besides `localhost` and the machine's own.
            logged: which requests are logged.
        """
        self.state.capacity = capacity
        self._logged, self._proxies = logged, TrustedProxies(settings.trusted_proxies)
        limits, is_public = settings.limits(RateLimits), public_requests(self.routes)
        metrics: Metrics = self.state.metrics
        requests, verified = address_policy(limits), VerifiedCredentialCache()
        self.add_middleware(ExactPaths)
        self.add_middleware(QueryLimitMiddleware)
        self.add_middleware(HeadMiddleware)
        self.add_middleware(FairTurnsMiddleware, turns=capacity.turns)
        if not credentials.is_required:
            self.add_middleware(HostValidationMiddleware, hosts=hosts)
        self.add_middleware(CallerRateLimitMiddleware, limits=limits, proxies=self._proxies)
        self.add_middleware(
            AuthenticationMiddleware, authenticator=credentials, is_public=is_public
        )
        if credentials.is_required:
            self.add_middleware(HostValidationMiddleware, hosts=hosts)
            self.add_middleware(
                AddressRateLimitMiddleware,
                requests=requests,
                limits=limits,
                is_public=is_public,
                verified=verified,
            )

        def on_rejection(problem: ProblemError, address: str) -> None:
            metrics.count_early_rejection(problem.kind.code, address)
            requests.limiter.hit(client_network(address))

        self.state.on_rejection = on_rejection
        self.state.is_verified = verified.has_network

    def build_middleware_stack(self) -> ASGIApp:
        """Return the whole application; FastAPI calls this before the first request."""
        metrics: Metrics = self.state.metrics
        measured = MetricsMiddleware(super().build_middleware_stack(), metrics)
        logged = RequestLogMiddleware(
            measured, self._logged, metrics.rejection_summary, metrics.acceptance_summary
        )
        return ForwardedClientMiddleware(logged, self._proxies) if self._proxies else logged
