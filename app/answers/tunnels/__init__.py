"""Tunnels: which of the configured ones are up, idle, failing or down."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from app.answers.tunnels import routes
from app.answers.tunnels.metrics import add_metrics
from app.answers.tunnels.part import TunnelsPart
from app.answers.tunnels.schema import TunnelDeleted, TunnelEvent, TunnelExportEnd
from app.api.resource import Answer


_router = APIRouter(tags=[routes.TAG])
for _part in (routes.list_router, routes.router):
    _router.include_router(_part)

ANSWER: Final = Answer(
    tag=routes.TAG,
    description="The tunnels that this host's policy configures, whether they are up or not.",
    router=_router,
    start=TunnelsPart,
    stream_shapes=(TunnelExportEnd, TunnelEvent, TunnelDeleted),
    add_metrics=add_metrics,
)
