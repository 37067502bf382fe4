"""The public shapes of `/hosts`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from app.hub.hosts.presence import HostState, Presence
from app.hub.store import Host
from app.schemas.base import Shape
from app.schemas.pages import NEXT_CURSOR


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class HostWeakness(Shape):
    """How many SA contexts of a host have a weakness."""

    weakness: str
    sa_contexts: int


class HostGap(Shape):
    """Changes that a host could not report: it was cut off for longer than it can keep them."""

    since: datetime = Field(description="When the first of them happened, by the host's clock.")
    until: datetime = Field(description="When the last of them happened.")
    changes: int


class FleetHost(Shape):
    """A host that reports to this hub."""

    host_id: str = Field(description="Follows from the host's key; a new name does not change it.")
    name: str = Field(description="The host's own name, which need not be unique.")
    state: HostState
    version: str = Field(description="The version of its agent.")
    enrolled_at: datetime
    enrolled_with: str = Field(description="The name of the enrolment token.")
    last_seen: datetime | None = Field(description="null: it has not reported yet.")
    reported_at: datetime | None = Field(
        description="When what the hub has of its SA contexts was last reported; null: nothing is."
    )
    clock_skew_seconds: float | None = Field(
        description="How far the host's clock is ahead of the hub's; null: unknown."
    )
    epoch: str | None = Field(description="The host's epoch, as its own lists show it.")
    revision: int | None = Field(description="The host's revision that the hub has.")
    sa_contexts: int
    weaknesses: list[HostWeakness]
    gaps: list[HostGap]


class FleetHostPage(Shape):
    """A page of hosts, by id. Each page shows the time of its request."""

    items: list[FleetHost]
    next_cursor: Any = NEXT_CURSOR


def shown(host: Host, presence: Presence) -> FleetHost:
    """Return what a host looks like to readers."""
    seen, has = presence.of(host), host.channels.get("sa-contexts")
    return FleetHost(
        host_id=host.id,
        name=host.name,
        state=presence.state_of(host),
        version=host.version,
        enrolled_at=_time(host.enrolled_at),
        enrolled_with=host.enrolled_with,
        last_seen=_time(seen.at) if seen else None,
        reported_at=_time(has.reported_at) if has else None,
        clock_skew_seconds=round(seen.clock_skew, 3) if seen else None,
        epoch=has.position.epoch if has else None,
        revision=has.position.revision if has else None,
        sa_contexts=has.count if has else 0,
        weaknesses=[
            HostWeakness(weakness=word, sa_contexts=count)
            for word, count in sorted(host.weaknesses.items())
        ],
        gaps=[
            HostGap(since=_time(gap.since), until=_time(gap.until), changes=gap.changes)
            for gap in host.gaps
        ],
    )
