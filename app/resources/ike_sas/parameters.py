"""The parameters of `/ike-sas`."""

from __future__ import annotations

from typing import ClassVar

from app.api.parameters import AddressParameter, ListQuery, SubnetParameter, filter_
from app.repository.query.filters import Selection
from app.resources.ike_sas.kind import IkeSaSelection
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
)


class IkeSaQuery(ListQuery):
    """What `GET /ike-sas` takes.

    A main mode SA is shown when it meets all filters. A filter given several
    times means any of its values.
    """

    SELECTION: ClassVar[type[Selection]] = IkeSaSelection

    local_subnet: list[SubnetParameter] = filter_("The local address is on this subnet.")
    remote_subnet: list[SubnetParameter] = filter_("The same for the remote address.")
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("Of the addresses.")
    key_module: list[KeyModule] = filter_("What negotiated the SA: IKE, AuthIP or IKEv2.")
    cipher: list[IkeCipher] = filter_("What encrypts the negotiation.")
    integrity: list[IkeIntegrity] = filter_("What authenticates its messages.")
    dh_group: list[DhGroup] = filter_("The group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How one of the two sides proved who it is, in main mode or in extended mode."
    )
