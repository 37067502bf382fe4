"""The declaration of a resource: each resource package makes one, and the application uses it."""

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
    """Register no metrics and return no samplers."""
    return ()


@dataclass(frozen=True, slots=True)
class EngineAction:
    """An action on the engine that requires an access right; the doctor attempts the action.

    Attributes:
        name: the name of the doctor's check.
        words: the action in words.
        right: the access right that the account needs.
        container: the engine's object to which the right applies.
        attempt: performs the action; the result is ignored.
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
        tag: the tag of the resource's operations in the OpenAPI document.
        description: the description of the tag.
        router: the routes.
        key: the key of the resource's part in `Service.parts`.
        start: creates the part but does not run it.
        stream_shapes: the shapes of stream events, which FastAPI cannot find in route signatures.
        add_metrics: registers the resource's metrics and returns the samplers to run.
        actions: the actions on the engine that the doctor attempts.
        features: the features that some versions of Windows lack, each with its functions.
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
