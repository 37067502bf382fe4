"""Query parameters of `/peers` and its events."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from app.answers.peers.filters import PeerSelection
from app.api.parameters import (
    Filters,
    ListQuery,
    NamePatterns,
    SinceParameter,
    SubnetParameter,
    filter_,
)
from app.repository.query.filters import Selection
from app.schemas.names import PeerSort, PeerState, WeaknessFilter


class PeerFilters(Filters):
    """The filters of peers. A peer must meet all of them."""

    SELECTION: ClassVar[type[Selection]] = PeerSelection

    state: list[PeerState] = filter_(
        "The state of the peer. `failing` requires the scope `diagnostics:read`."
    )
    weakness: list[WeaknessFilter] = filter_(
        "A weakness of any of the peer's SAs; `any`: at least one."
    )
    subnet: list[SubnetParameter] = filter_("The peer's address is on this subnet.")
    principal_name: NamePatterns = filter_(
        "One of the peer's principal names, or its beginning and `*`; case is ignored."
    )


class PeerQuery(PeerFilters, ListQuery):
    """Query parameters of `GET /peers`."""

    sort: list[PeerSort] = Field(
        [],
        max_length=1,
        description="The order of the list; without it, by address. Peers with equal values are in "
        "order of address. `-failures` requires the scope `diagnostics:read`.",
    )


class PeerEventQuery(PeerFilters):
    """Query parameters of `GET /peers/events`."""

    sort: ClassVar[tuple[PeerSort, ...]] = ()

    since: SinceParameter = None
    initial: bool = Field(
        False,
        description="Begin with an `added` event for every peer that matches, then `snapshot_end`.",
    )
