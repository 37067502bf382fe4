"""Statistics: the engine's own counters for the whole host."""

from __future__ import annotations

from typing import Final

from app.api.resource import Resource
from app.resources.statistics.metrics import add_metrics
from app.resources.statistics.routes import TAG, router
from app.resources.statistics.sampler import StatisticsSampler


RESOURCE: Final = Resource(
    tag=TAG,
    description="The engine's own counters for the whole host.",
    router=router,
    key=StatisticsSampler,
    start=lambda foundation: StatisticsSampler(
        foundation.engine, foundation.point_read_limiter, foundation.deadline
    ),
    add_metrics=add_metrics,
)
