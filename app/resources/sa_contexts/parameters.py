"""Query parameters of `/sa-contexts`, its summary and its events."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from fastapi import Depends, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.api.dependencies import reject_repeated
from app.api.parameters import (
    AddressParameter,
    Filters,
    Freshness,
    ListQuery,
    NamePatterns,
    SinceParameter,
    SubnetParameter,
    Uint16Parameter,
    Uint32Parameter,
    Uint64Parameter,
    filter_,
    matching,
)
from app.repository.query.filters import Selection
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    KeyModule,
    PfsGroup,
    TrafficType,
    TransformType,
    View,
    WeaknessFilter,
)


MAX_PEERS: Final = 1000


VIEW: Final[Any] = Field(
    View.FULL,
    description="`basic` omits `transportFilter.filterCondition` and `saBundle.ipsecId`, about a "
    "quarter of each context. `summary` shows each context as one flat object, "
    "`SummarizedSaContext`.",
)


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


class SaContextItemQuery(BaseModel):
    """Query parameters of `GET /sa-contexts/{saContextId}`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    view: View = VIEW


async def requested_view(
    query: Annotated[SaContextItemQuery, Query()],
    _: Annotated[None, Depends(reject_repeated(SaContextItemQuery))],
) -> View:
    """Return the view that a request for an item asks for."""
    return query.view


class SaContextFilters(Filters):
    """The filters and the view of SA contexts.

    A context matches if one of its SAs meets all filters. An SA meets a repeated filter if it
    matches any of the filter's values.
    """

    SELECTION: ClassVar[type[Selection]] = SaContextSelection

    view: View = VIEW
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
    key_module: list[KeyModule] = filter_(
        "The keying module that negotiated the SA: IKE, AuthIP or IKEv2."
    )
    weakness: list[WeaknessFilter] = filter_("One of the SA's `weaknesses`; `any`: at least one.")
    principal_name: NamePatterns = filter_(
        "A name of the peer: its machine's or its user's; or the beginning of one and `*`."
    )
    rule_name: NamePatterns = filter_(
        "The name of the rule behind the SA, or its beginning and `*`."
    )
    mm_sa_id: list[Uint64Parameter] = filter_(
        "The main mode SA that negotiated the SA: its id, in decimal or, with 0x, in hexadecimal."
    )
    qm_filter_id: list[Uint64Parameter] = filter_(
        "The quick mode filter: its id, in decimal or, with 0x, in hexadecimal."
    )
    spi: list[Uint32Parameter] = filter_(
        "The SPI of an SA of the bundle, in decimal or, with 0x, in hexadecimal."
    )
    udp_port: list[Uint16Parameter] = filter_(
        "The local or the remote UDP port, if the SA is encapsulated in UDP to pass NAT."
    )


class SaContextQuery(SaContextFilters, ListQuery):
    """Query parameters of `GET /sa-contexts`."""


class EventQuery(SaContextFilters):
    """Query parameters of `GET /sa-contexts/events`."""

    since: SinceParameter = None
    initial: bool = Field(
        False,
        description="Begin with an `added` event for every context that matches, then "
        "`snapshot_end`.",
    )
