"""Declarations of resources and answers: each package makes one, and the application uses it."""

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoints:
    """The routes of a resource or of an answer, with what the application needs to serve them.

    Attributes:
        tag: the tag of the operations in the OpenAPI document.
        description: the description of the tag.
        router: the routes.
        stream_shapes: the shapes of stream events, which FastAPI cannot find in route signatures.
        add_metrics: registers the metrics and returns the samplers to run.
    """

    tag: str
    description: str
    router: APIRouter
    stream_shapes: tuple[type[Shape], ...] = ()
    add_metrics: Callable[[Service, CollectorRegistry], Sequence[Sampler]] = no_metrics


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource(Endpoints):
    """One resource of the API: objects of the engine.

    Attributes:
        key: the key of the resource's part in `Service.parts`.
        start: creates the part but does not run it.
        actions: the actions on the engine that the doctor attempts.
        features: the features that some versions of Windows lack, each with its functions.
    """

    key: Hashable
    start: Callable[[Foundation], Part]
    actions: tuple[EngineAction, ...] = ()
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer(Endpoints):
    """One answer of the API: what people ask, found in one or more resources.

    Attributes:
        start: creates the answer's part from the parts of the resources and of the answers before
            it, but does not run it; the key of the part in `Service.parts` is its class. None: the
            answer has no part.
    """

    start: Callable[[Foundation, Mapping[Hashable, Part]], Part] | None = None
