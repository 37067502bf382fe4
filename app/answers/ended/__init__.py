"""What ended, and why: SA contexts that no longer exist."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, cast

from app.answers.ended.metrics import add_metrics
from app.answers.ended.recorder import EndedContexts
from app.answers.ended.routes import TAG, router
from app.api.resource import Answer
from app.resources.connections.kind import ConnectionKind
from app.resources.sa_contexts.kind import SaContextKind
from app.service import Foundation, Part, ResourceRuntime
from app.settings.limits import EndedLimits


def _start(foundation: Foundation, parts: Mapping[Hashable, Part]) -> EndedContexts:
    contexts = cast(ResourceRuntime, parts[SaContextKind])
    connections = cast(ResourceRuntime, parts[ConnectionKind])
    return EndedContexts(
        contexts.engine,
        contexts.store,
        connections.store,
        foundation.settings.limits(EndedLimits),
    )


ANSWER: Final = Answer(
    tag=TAG,
    description="SA contexts that have ended, and why they probably did.",
    router=router,
    start=_start,
    add_metrics=add_metrics,
)
