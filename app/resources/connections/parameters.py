"""Query parameters of `/connections`."""

from __future__ import annotations

from typing import ClassVar

from app.api.parameters import (
    AddressParameter,
    ListQuery,
    NamePatterns,
    SubnetParameter,
    filter_,
)
from app.repository.query.filters import Selection
from app.resources.connections.kind import ConnectionSelection
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
    TrafficType,
)


class ConnectionQuery(ListQuery):
    """Query parameters of `GET /connections`.

    A connection is listed if it meets all filters. It meets a repeated filter if it matches any
    of the filter's values.
    """

    SELECTION: ClassVar[type[Selection]] = ConnectionSelection

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
    key_module: list[KeyModule] = filter_(
        "The keying module that negotiated the connection: IKE, AuthIP or IKEv2."
    )
    cipher: list[IkeCipher] = filter_(
        "The encryption algorithm of the negotiation, not of the traffic."
    )
    integrity: list[IkeIntegrity] = filter_(
        "The integrity algorithm of the negotiation, not of the traffic."
    )
    dh_group: list[DhGroup] = filter_("The Diffie-Hellman group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How the peer authenticated, in main mode or in extended mode."
    )
    principal_name: NamePatterns = filter_(
        "A name that the peer authenticated with, or its beginning and `*`: its principal name or "
        "the subject of its certificate."
    )
