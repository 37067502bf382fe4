"""Statistics: what the engine itself has counted, for the whole host."""

from __future__ import annotations

from typing import Final

from app.api.resource import Resource
from app.resources.statistics.metrics import add_metrics
from app.resources.statistics.routes import TAG, router
from app.resources.statistics.sampler import StatisticsReader


RESOURCE: Final = Resource(
    tag=TAG,
    description="What the engine itself has counted, for the whole host.",
    router=router,
    key=StatisticsReader,
    start=lambda foundation: StatisticsReader(
        foundation.engine, foundation.one_reader, foundation.patience
    ),
    add_metrics=add_metrics,
)
