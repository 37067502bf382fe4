"""Statistics: the engine's own counters for the whole host."""

from __future__ import annotations

from typing import Final

from app.api.resource import EngineAction, Resource
from app.resources.statistics.metrics import add_metrics
from app.resources.statistics.routes import TAG, router
from app.resources.statistics.sampler import StatisticsSampler
from app.resources.wfp.actions import IKE_DATABASE, IPSEC_DATABASE
from bindings.statistics import ike_statistics, ipsec_statistics


READ: Final = "FWPM_ACTRL_READ_STATS"

RESOURCE: Final = Resource(
    tag=TAG,
    description="The engine's own counters for the whole host.",
    router=router,
    key=StatisticsSampler,
    start=lambda foundation: StatisticsSampler(
        foundation.engine, foundation.engine_calls, foundation.deadline
    ),
    add_metrics=add_metrics,
    actions=(
        EngineAction(
            "read_ipsec_statistics", "read IPsec statistics", READ, IPSEC_DATABASE, ipsec_statistics
        ),
        EngineAction(
            "read_ike_statistics", "read IKE statistics", READ, IKE_DATABASE, ike_statistics
        ),
    ),
    features={"statistics": ("IPsecGetStatistics0", "IkeextGetStatistics0")},
)
