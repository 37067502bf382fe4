"""The resources that the API serves, one package each.

`RESOURCES` is the only registration. It determines the routes, the service parts, the metrics,
the problems, the OpenAPI document, and the doctor's checks of rights and features.
"""

from __future__ import annotations

from typing import Final

from app.api.resource import Resource
from app.resources import connections, filters, ike_sas, net_events, sa_contexts, statistics


RESOURCES: Final[tuple[Resource, ...]] = (
    sa_contexts.RESOURCE,
    net_events.RESOURCE,
    ike_sas.RESOURCE,
    connections.RESOURCE,
    statistics.RESOURCE,
    filters.RESOURCE,
)
