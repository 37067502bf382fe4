"""The ASGI application: the routes, middleware, problems and OpenAPI document of a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from app.answers import ANSWERS, background
from app.api import documentation, engine, errors, health, metrics, openapi, problem_pages, problems
from app.api.media_types import Utf8JsonResponse
from app.api.problems import ProblemError
from app.api.resource import Answer, Endpoints, Resource
from app.api.security import public_requests
from app.console import routes as console
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
from app.resources import RESOURCES
from app.service import Service
from app.settings.limits import RateLimits
from app.settings.model import LoggedRequests
from app.telemetry.metrics.registry import Metrics
from app.telemetry.tracing import exported


class _Application(FastAPI):
    """FastAPI with the request log and metrics outside its error middleware.

    They therefore see every response, including those of the error middleware.
    """

    logged: LoggedRequests
    proxies: TrustedProxies

    def build_middleware_stack(self) -> ASGIApp:
        metrics: Metrics = self.state.metrics
        measured = MetricsMiddleware(super().build_middleware_stack(), metrics)
        logged = RequestLogMiddleware(
            measured, self.logged, metrics.rejection_summary, metrics.acceptance_summary
        )
        return ForwardedClientMiddleware(logged, self.proxies) if self.proxies else logged


API_VERSION: Final = "1.0.0"
"""The version of the API. Unauthenticated clients must not learn the version of the server."""


@cache
def _routes(endpoints: tuple[Endpoints, ...]) -> Sequence[BaseRoute]:
    """Return the routes of an application with these endpoints.

    FastAPI takes 0.3 s to prepare them; the applications of a process share the result.
    """
    router = APIRouter(
        default_response_class=Utf8JsonResponse,
        responses=problems.responses(),
        generate_unique_id_function=lambda route: route.name,
    )
    for each in endpoints:
        router.include_router(each.router)
    for module in (engine, metrics, health, problem_pages, documentation, console):
        router.include_router(module.router)
    return router.routes


def create_app(
    service: Service,
    *,
    hosts: Iterable[str] = (),
    log_requests: LoggedRequests = "all",
    resources: Sequence[Resource] = RESOURCES,
    answers: Sequence[Answer] = ANSWERS,
) -> FastAPI:
    """Create the application that serves a service and runs it during its lifespan.

    If the extra `otel` is installed and `OTEL_EXPORTER_OTLP_ENDPOINT` is set, FastAPI exports
    traces and metrics of requests over OTLP. The Prometheus metrics are then exported, too.

    Args:
        service: the service.
        hosts: names accepted in `Host` besides `localhost` and the machine's own.
        log_requests: which requests are logged.
        resources: the resources; the service must have a part for each.
        answers: the answers; the service must have their parts.
    """
    endpoints = (*resources, *answers)
    app_metrics = Metrics(
        service, [*(each.add_metrics for each in endpoints), background.add_metrics]
    )
    app_metrics.preregister_problems(problems.KINDS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running(), app_metrics.running(), exported(app_metrics.registry):
            yield

    app = _Application(
        title="sa-contexts",
        summary="The IPsec security associations of a Windows host",
        version=API_VERSION,
        redirect_slashes=False,
        default_response_class=Utf8JsonResponse,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"auto_configure": True},
        # Answers first: `/sa-contexts/{saContextId}` would match the paths of some.
        routes=[*_routes((*answers, *resources))],
    )
    app.logged = log_requests
    app.proxies = TrustedProxies(service.settings.trusted_proxies)
    app.state.service = service
    app.state.metrics = app_metrics
    _add_middleware(app, service, hosts, app_metrics)
    errors.install(app)
    openapi.install(app, endpoints)
    documentation.install(app, has_console=service.settings.console)
    console.install(app, service.settings)
    return app


def _add_middleware(
    app: _Application, service: Service, hosts: Iterable[str], metrics: Metrics
) -> None:
    """Add the middleware, innermost first.

    Every middleware that can answer a request is inside a rate limit, so that every response
    counts. If credentials are required, `Host` is validated before authentication, so that the
    server verifies no credential that a page sends after DNS rebinding. Otherwise `Host` is
    validated inside the caller's rate limit, which then also counts requests with a rejected
    `Host`. Malformed requests never reach the application; `app.state.on_rejection` counts them.
    `app.state.is_verified` returns whether a credential was accepted from a client network.
    """
    limits, is_public = service.settings.limits(RateLimits), public_requests(app.routes)
    is_authenticated = service.credentials.is_required
    requests, verified = address_policy(limits), VerifiedCredentialCache()
    app.add_middleware(ExactPaths)
    app.add_middleware(QueryLimitMiddleware)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(FairTurnsMiddleware, turns=service.capacity.turns)
    if not is_authenticated:
        app.add_middleware(HostValidationMiddleware, hosts=hosts)
    app.add_middleware(CallerRateLimitMiddleware, limits=limits, proxies=app.proxies)
    app.add_middleware(
        AuthenticationMiddleware, authenticator=service.credentials, is_public=is_public
    )
    if is_authenticated:
        app.add_middleware(HostValidationMiddleware, hosts=hosts)
        app.add_middleware(
            AddressRateLimitMiddleware,
            requests=requests,
            limits=limits,
            is_public=is_public,
            verified=verified,
        )

    def on_rejection(problem: ProblemError, address: str) -> None:
        metrics.count_early_rejection(problem.kind.code, address)
        requests.limiter.hit(client_network(address))

    app.state.on_rejection = on_rejection
    app.state.is_verified = verified.has_network
