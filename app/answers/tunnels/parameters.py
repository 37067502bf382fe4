"""Query parameters of `/tunnels` and its events."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from app.answers.tunnels.filters import TunnelSelection
from app.api.parameters import (
    AddressParameter,
    Filters,
    ListQuery,
    NamePatterns,
    SinceParameter,
    filter_,
    matching,
)
from app.repository.query.filters import Selection
from app.schemas.names import KeyModule, TunnelState


_GUID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

TunnelKey = Annotated[
    str,
    AfterValidator(str.lower),
    BeforeValidator(matching(_GUID, "Should be a GUID without braces")),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_GUID}$",
            "examples": ["c38d57d1-05a7-4c33-904f-7fbceee60e82"],
        }
    ),
]
"""The key of a tunnel; case does not matter."""


class TunnelFilters(Filters):
    """The filters of tunnels. A tunnel must meet all of them."""

    SELECTION: ClassVar[type[Selection]] = TunnelSelection

    state: list[TunnelState] = filter_(
        "The state of the tunnel. `failing` requires the scope `diagnostics:read`."
    )
    key_module: list[KeyModule] = filter_("The keying module that the tunnel is configured for.")
    local_address: list[AddressParameter] = filter_(
        "The local endpoint. Tunnels whose local endpoint is unspecified do not match."
    )
    remote_address: list[AddressParameter] = filter_(
        "The remote endpoint, or one of the addresses of its name. Tunnels whose remote endpoint "
        "is unspecified do not match."
    )
    name: NamePatterns = filter_("The tunnel's name, or its beginning and `*`; case is ignored.")


class TunnelQuery(TunnelFilters, ListQuery):
    """Query parameters of `GET /tunnels`."""


class TunnelEventQuery(TunnelFilters):
    """Query parameters of `GET /tunnels/events`."""

    since: SinceParameter = None
    initial: bool = Field(
        False,
        description="Begin with an `added` event for every tunnel that matches, then "
        "`snapshot_end`.",
    )
