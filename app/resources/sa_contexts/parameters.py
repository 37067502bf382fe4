"""Query parameters of `/sa-contexts`, its summary and its events."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from app.api.parameters import (
    AddressParameter,
    Filters,
    Freshness,
    ListQuery,
    SubnetParameter,
    Uint32Parameter,
    Uint64Parameter,
    filter_,
    matching,
)
from app.repository.changes.journal import EVENT_ID
from app.repository.query.filters import Selection
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    PfsGroup,
    TrafficType,
    TransformType,
    View,
    Weakness,
)


MAX_PEERS: Final = 1000
SINCE_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^{EVENT_ID.pattern}$",
    "examples": ["8f14e45fceea-17"],
}


class SummaryQuery(Freshness):
    """Query parameters of `GET /sa-contexts/summary`."""

    peers: Annotated[int, BeforeValidator(matching(r"-?[0-9]{1,30}", "Should be a number"))] = (
        Field(
            10,
            ge=0,
            le=MAX_PEERS,
            description="Maximum number of peers listed, those with the most contexts first.",
        )
    )


class SaContextFilters(Filters):
    """The filters and the view of SA contexts.

    A context matches if one of its SAs meets all filters. An SA meets a repeated filter if it
    matches any of the filter's values.
    """

    SELECTION: ClassVar[type[Selection]] = SaContextSelection

    view: View = Field(
        View.FULL,
        description="`basic` omits `transportFilter.filterCondition` and "
        "`saBundle.ipsecId`, about a quarter of each context.",
    )
    local_subnet: list[SubnetParameter] = filter_(
        "The local address is on this subnet; in tunnel mode, the local tunnel endpoint."
    )
    remote_subnet: list[SubnetParameter] = filter_(
        "The remote address is on this subnet; in tunnel mode, the remote tunnel endpoint."
    )
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("The IP version; in tunnel mode, of the outer header.")
    traffic_type: list[TrafficType] = filter_("Transport or tunnel mode.")
    transform_type: list[TransformType] = filter_(
        "The transform of an SA of the bundle: AH, or ESP that authenticates, encrypts or both."
    )
    cipher: list[Cipher] = filter_(
        "`cipherConfig` of an SA of the bundle; `none` if no SA encrypts."
    )
    integrity: list[Integrity] = filter_(
        "`authConfig` of an SA of the bundle; `none` if no SA authenticates."
    )
    pfs_group: list[PfsGroup] = filter_("The group of perfect forward secrecy.")
    weakness: list[Weakness] = filter_("One of the SA's `weaknesses`.")
    mm_sa_id: list[Uint64Parameter] = filter_(
        "The main mode SA that negotiated the SA: its id, in decimal or, with 0x, in hexadecimal."
    )
    qm_filter_id: list[Uint64Parameter] = filter_(
        "The quick mode filter: its id, in decimal or, with 0x, in hexadecimal."
    )
    spi: list[Uint32Parameter] = filter_(
        "The SPI of an SA of the bundle, in decimal or, with 0x, in hexadecimal."
    )


class SaContextQuery(SaContextFilters, ListQuery):
    """Query parameters of `GET /sa-contexts`."""


class EventQuery(SaContextFilters):
    """Query parameters of `GET /sa-contexts/events`."""

    since: Annotated[
        str | None,
        BeforeValidator(
            matching(EVENT_ID.pattern, "Should be the id of an event, or <epoch>-<revision>")
        ),
        WithJsonSchema(SINCE_SCHEMA),
    ] = Field(
        None,
        description="Resume after this position: the id of an event, or `<epoch>-<revision>` of "
        "a snapshot. A client that reconnects sends `Last-Event-ID`, which takes precedence.",
    )
    initial: bool = Field(
        False,
        description="Begin with an `added` event for every context that matches, then "
        "`snapshot_end`.",
    )
