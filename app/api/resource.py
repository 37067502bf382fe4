"""Resources: what the application needs to know of one, declared once in its folder."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from app.schemas.base import Shape
from app.service import Foundation, Part, Service
from app.telemetry.metrics.registry import Sampler


def no_metrics(_service: Service, _registry: CollectorRegistry) -> Sequence[Sampler]:
    """Add no metrics."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of the API.

    Attributes:
        tag: what its operations are listed under in the OpenAPI document.
        description: of the tag.
        router: its routes.
        key: what its part is found by in the service.
        start: makes its part, which does not run yet.
        stream_shapes: shapes that only lines of streams have, which FastAPI does not know.
        add_metrics: registers its metrics; returns what must run to sample them.
    """

    tag: str
    description: str
    router: APIRouter
    key: Hashable
    start: Callable[[Foundation], Part]
    stream_shapes: tuple[type[Shape], ...] = ()
    add_metrics: Callable[[Service, CollectorRegistry], Sequence[Sampler]] = no_metrics
