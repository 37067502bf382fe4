"""Net events: failed IKE negotiations and packets that IPsec dropped."""

from __future__ import annotations

from typing import Final

from app.api.resource import EngineAction, Resource
from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.metrics import add_metrics
from app.resources.net_events.routes import TAG, router
from app.resources.net_events.schema import NetEventPosition
from app.service import Foundation
from app.settings.limits import NetEventLimits
from bindings.net_events import enumerate_net_events


def _start(foundation: Foundation) -> NetEventCollector:
    settings = foundation.settings
    return NetEventCollector(
        foundation.library,
        settings.limits(NetEventLimits),
        transaction_wait_timeout_ms=settings.transaction_wait_timeout_ms,
        ipv6_order=foundation.ipv6_order.order,
        names=foundation.rule_names,
    )


RESOURCE: Final = Resource(
    tag=TAG,
    description="Recent failures: failed IKE negotiations and packets that IPsec dropped.",
    router=router,
    key=NetEventCollector,
    start=_start,
    stream_shapes=(NetEventPosition,),
    add_metrics=add_metrics,
    actions=(
        EngineAction(
            "read_net_events",
            "read net events",
            "FWPM_ACTRL_ENUM",
            "net events",
            enumerate_net_events,
        ),
    ),
    features={
        "past net events": ("FwpmNetEventCreateEnumHandle0", "FwpmNetEventEnum0"),
        "net events as they happen": ("FwpmNetEventSubscribe0",),
    },
)
