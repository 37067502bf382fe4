"""Peers: what is protected with each remote address, how well, how much flows, and what failed."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from app.answers.peers import detail, routes
from app.answers.peers.metrics import add_metrics
from app.answers.peers.part import PeersPart
from app.answers.peers.schema import PeerDeleted, PeerEvent, PeerExportEnd
from app.api.resource import Answer


_router = APIRouter(tags=[routes.TAG])
for _part in (
    routes.list_router,
    routes.router,
    detail.router,
):  # in this order: `/peers/events` is no address
    _router.include_router(_part)

ANSWER: Final = Answer(
    tag=routes.TAG,
    description="The hosts with which this host has or expects SAs, or fails to negotiate them.",
    router=_router,
    start=PeersPart,
    add_metrics=add_metrics,
    stream_shapes=(PeerExportEnd, PeerEvent, PeerDeleted),
)
