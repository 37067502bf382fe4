"""The ASGI application: the routes, middleware, problems and OpenAPI document of a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from app.answers import ANSWERS, background
from app.api import documentation, engine, errors, health, metrics, openapi, problem_pages, problems
from app.api.media_types import Utf8JsonResponse
from app.api.resource import Answer, Endpoints, Resource
from app.console import routes as console
from app.middleware.application import Application
from app.resources import RESOURCES
from app.service import Service
from app.settings.server import LoggedRequests
from app.telemetry.metrics.registry import Metrics, add_service_metrics
from app.telemetry.tracing import exported


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
    additions = (each.add_metrics for each in endpoints)
    app_metrics = Metrics(
        partial(add, service) for add in (add_service_metrics, *additions, background.add_metrics)
    )
    app_metrics.preregister_problems(problems.KINDS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running(), app_metrics.running(), exported(app_metrics.registry):
            yield

    app = Application(
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
    app.state.service = service
    app.state.is_ready = lambda: service.is_ready
    app.state.problems = problems.KINDS
    app.state.metrics = app_metrics
    app.protect(service.settings, service.credentials, service.capacity, hosts, log_requests)
    errors.install(app)
    openapi.install(app, endpoints)
    documentation.install(app, has_console=service.settings.console)
    console.install(app, service.settings)
    return app
