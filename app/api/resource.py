"""The declaration of a resource, made by each resource package and used by the application."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from app.schemas.base import Shape
from app.service import Foundation, Part, Service
from app.telemetry.metrics.registry import Sampler
from bindings.session import Session


def no_metrics(_service: Service, _registry: CollectorRegistry) -> Sequence[Sampler]:
    """Add no metrics."""
    return ()


@dataclass(frozen=True, slots=True)
class EngineAction:
    """An action on the engine that requires a right of the account; the doctor attempts it.

    Attributes:
        name: the name of the doctor's check.
        words: the action in words.
        right: the required access right.
        container: the object that the right is for.
        attempt: performs the action; its result is ignored.
    """

    name: str
    words: str
    right: str
    container: str
    attempt: Callable[[Session], object]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of the API.

    Attributes:
        tag: the tag of its operations in the OpenAPI document.
        description: the description of the tag.
        router: its routes.
        key: the key of its part in `Service.parts`.
        start: creates its part, which does not run yet.
        stream_shapes: shapes of stream events, which FastAPI cannot find in route signatures.
        add_metrics: registers its metrics; returns the samplers to run.
        actions: its actions on the engine.
        features: its features that not every version of Windows has, each with its functions.
    """

    tag: str
    description: str
    router: APIRouter
    key: Hashable
    start: Callable[[Foundation], Part]
    stream_shapes: tuple[type[Shape], ...] = ()
    add_metrics: Callable[[Service, CollectorRegistry], Sequence[Sampler]] = no_metrics
    actions: tuple[EngineAction, ...] = ()
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
