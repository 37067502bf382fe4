"""How this host fared: its last 24 hours, minute by minute."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, cast

from app.answers.history.recorder import HistoryRecorder
from app.answers.history.routes import TAG, router
from app.api.resource import Answer
from app.resources.net_events.collector import NetEventCollector
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.statistics.sampler import StatisticsSampler
from app.service import Foundation, Part, ResourceRuntime


def _start(_foundation: Foundation, parts: Mapping[Hashable, Part]) -> HistoryRecorder:
    return HistoryRecorder(
        cast(ResourceRuntime, parts[SaContextKind]).store,
        cast(NetEventCollector, parts[NetEventCollector]),
        cast(StatisticsSampler, parts[StatisticsSampler]),
    )


ANSWER: Final = Answer(
    tag=TAG,
    description="The last 24 hours of this host, minute by minute.",
    router=router,
    start=_start,
)
