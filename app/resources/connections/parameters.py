"""The parameters of `/connections`."""

from __future__ import annotations

from typing import ClassVar

from app.api.parameters import AddressParameter, ListQuery, SubnetParameter, filter_
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
    """What `GET /connections` takes.

    A connection is shown when it meets all filters. A filter given several
    times means any of its values.
    """

    SELECTION: ClassVar[type[Selection]] = ConnectionSelection

    local_subnet: list[SubnetParameter] = filter_(
        "The local address is on this subnet; in tunnel mode, the tunnel's end."
    )
    remote_subnet: list[SubnetParameter] = filter_("The same for the remote address.")
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("In tunnel mode, that of the outer header.")
    traffic_type: list[TrafficType] = filter_("Transport or tunnel mode.")
    key_module: list[KeyModule] = filter_("What negotiated it: IKE, AuthIP or IKEv2.")
    cipher: list[IkeCipher] = filter_("What encrypts the negotiation, not the traffic.")
    integrity: list[IkeIntegrity] = filter_("What authenticates the negotiation's messages.")
    dh_group: list[DhGroup] = filter_("The group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How the peer proved who it is, in main mode or in extended mode."
    )
