"""Query parameters of `/ike-sas`."""

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
from app.resources.ike_sas.kind import IkeSaSelection
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IkeWeaknessFilter,
    IpVersion,
    KeyModule,
)


class IkeSaQuery(ListQuery):
    """Query parameters of `GET /ike-sas`.

    A main mode SA is listed if it meets all filters. It meets a repeated filter if it matches
    any of the filter's values.
    """

    SELECTION: ClassVar[type[Selection]] = IkeSaSelection

    local_subnet: list[SubnetParameter] = filter_("The local address is on this subnet.")
    remote_subnet: list[SubnetParameter] = filter_("The remote address is on this subnet.")
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("The IP version of the addresses.")
    key_module: list[KeyModule] = filter_(
        "The keying module that negotiated the SA: IKE, AuthIP or IKEv2."
    )
    cipher: list[IkeCipher] = filter_("The encryption algorithm of the negotiation.")
    integrity: list[IkeIntegrity] = filter_("The integrity algorithm of the negotiation.")
    dh_group: list[DhGroup] = filter_("The Diffie-Hellman group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How either side authenticated, in main mode or in extended mode."
    )
    weakness: list[IkeWeaknessFilter] = filter_(
        "One of the SA's `weaknesses`; `any`: at least one."
    )
    principal_name: NamePatterns = filter_(
        "A name that the peer authenticated with, or its beginning and `*`: its principal name or "
        "the subject of its certificate."
    )
