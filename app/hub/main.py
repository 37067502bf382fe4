"""The ASGI application of a hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response

from app.api import errors, health, metrics, problem_pages, problems
from app.api.media_types import Utf8JsonResponse
from app.api.problems import ProblemError, problem_response
from app.hub.hosts import routes as hosts
from app.hub.ingest import routes as ingest
from app.hub.ingest.problems import HUB_BUSY, KINDS
from app.hub.service import HubService
from app.hub.store import StoreFailed
from app.middleware.application import Application
from app.telemetry.metrics.registry import Metrics


RETRY_SECONDS = 5
"""`Retry-After` while the database cannot be written."""


def create_hub_app(hub: HubService) -> FastAPI:
    """Create the application that serves a hub and runs it during its lifespan."""
    hub_metrics = Metrics(())
    kinds = {**problems.KINDS, **KINDS}
    hub_metrics.preregister_problems(kinds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with hub.running(), hub_metrics.running():
            yield

    router = APIRouter(
        default_response_class=Utf8JsonResponse,
        generate_unique_id_function=lambda route: route.name,
    )
    for each in (hosts.router, ingest.router, health.router, metrics.router, problem_pages.router):
        router.include_router(each)
    app = Application(
        title="sa-contexts hub",
        summary="The IPsec security associations of a fleet of Windows hosts",
        version="1.0.0",
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        routes=[*router.routes],
    )
    app.state.hub = hub
    app.state.is_ready = lambda: hub.is_ready
    app.state.problems = kinds
    app.state.metrics = hub_metrics
    settings = hub.settings
    app.protect(
        settings, hub.credentials, hub.capacity, settings.allowed_hosts or (), settings.log_requests
    )
    errors.install(app)

    async def answer_busy(request: Request, _error: Exception) -> Response:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        problem = ProblemError(HUB_BUSY, "The hub's database cannot be used.", headers=headers)
        return problem_response(problem, request.scope["raw_path"])

    app.add_exception_handler(StoreFailed, answer_busy)
    return app
