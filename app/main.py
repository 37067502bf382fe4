"""The application: routes, problems and the OpenAPI document around a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api import documentation, engine, errors, health, metrics, openapi, problem_pages, problems
from app.api.problems import ProblemError
from app.api.resource import Resource
from app.api.security import public_paths
from app.middleware.address_rate_limit import AddressRateLimitMiddleware, address_policy
from app.middleware.authentication import AuthenticationMiddleware
from app.middleware.caller_rate_limit import CallerRateLimitMiddleware
from app.middleware.exact_paths import ExactPaths
from app.middleware.head import HeadMiddleware
from app.middleware.metrics import MetricsMiddleware
from app.middleware.request_log import RequestLogMiddleware
from app.middleware.trusted_hosts import HostValidationMiddleware
from app.net.networks import client_network
from app.resources import RESOURCES
from app.service import Service
from app.settings.model import LoggedRequests
from app.telemetry.metrics.registry import Metrics
from app.telemetry.tracing import exported


class _Application(FastAPI):
    """FastAPI, with a log of all that answers, its own last resort included."""

    logged: LoggedRequests

    def build_middleware_stack(self) -> ASGIApp:
        return RequestLogMiddleware(
            super().build_middleware_stack(), self.logged, self.state.metrics.rejection_summary
        )


API_VERSION: Final = "1.0.0"
"""Of the contract, not of the server: which version it is, a stranger is not told."""


def create_app(
    service: Service,
    *,
    hosts: Iterable[str] = (),
    log_requests: LoggedRequests = "all",
    resources: Sequence[Resource] = RESOURCES,
) -> FastAPI:
    """The application that serves a service, which runs as long as the application does.

    Args:
        service: what is served.
        hosts: further names that requests may say in `Host`.
        log_requests: which requests have an entry in the log.
        resources: what the service has parts for.

    Where OpenTelemetry's variables say where to (`OTEL_EXPORTER_OTLP_ENDPOINT`), FastAPI exports
    a trace of each request and measures it, and the metrics of Prometheus go there too.
    """
    told = Metrics(service, [resource.add_metrics for resource in resources])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running(), told.running(), exported(told.registry):
            yield

    app = _Application(
        title="sa-contexts",
        summary="The IPsec security associations of a Windows host",
        version=API_VERSION,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"auto_configure": True},
        responses=problems.responses(),
        generate_unique_id_function=lambda route: route.name,
    )
    app.logged = log_requests
    app.state.service = service
    app.state.metrics = told
    for resource in resources:
        app.include_router(resource.router)
    for module in (engine, metrics, health, problem_pages, documentation):
        app.include_router(module.router)
    _guard(app, service, hosts, told)
    app.add_middleware(MetricsMiddleware, metrics=told.http)
    errors.install(app)
    openapi.install(app, resources)
    documentation.install(app)
    return app


def _guard(app: FastAPI, service: Service, hosts: Iterable[str], metrics: Metrics) -> None:
    """Put before the routes what a request passes, so that whatever answers it is counted.

    The check of `Host` stands before the gate: no credential is looked at on behalf of a page that
    lets its own name lead here. Without credentials all are counted by the limit of callers. What
    cannot be read as a request does not come so far, and is counted by `app.state.on_refusal`.
    """
    limits, public = service.settings.rate_limits(), public_paths(app.routes)
    are_needed = service.credentials.is_required
    requests = address_policy(limits, metrics)
    app.add_middleware(ExactPaths, metrics=metrics)
    app.add_middleware(HeadMiddleware)
    if not are_needed:
        app.add_middleware(HostValidationMiddleware, hosts=hosts, on_refusal=metrics.count_problem)
    app.add_middleware(CallerRateLimitMiddleware, limits=limits, metrics=metrics)
    app.add_middleware(
        AuthenticationMiddleware, authenticator=service.credentials, public=public, metrics=metrics
    )
    if are_needed:
        app.add_middleware(HostValidationMiddleware, hosts=hosts, on_refusal=metrics.count_problem)
        app.add_middleware(
            AddressRateLimitMiddleware,
            requests=requests,
            limits=limits,
            public=public,
            metrics=metrics,
        )

    def on_refusal(problem: ProblemError, address: str) -> None:
        metrics.count_early_rejection(problem.kind.code, address)
        requests.limiter.hit(client_network(address))

    app.state.on_refusal = on_refusal
