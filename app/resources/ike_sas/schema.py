"""The schema of main mode SAs and of their lists."""

from typing import Literal

from pydantic import MISSING, Field

from app.resources.wfp.ikeext_schema import Credential, IkeProposal
from app.resources.wfp.udp_encapsulation import UdpEncapsulation
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.hexadecimal import Hex64
from app.schemas.names import IkeWeakness, IpVersion, KeyModule
from app.schemas.pages import NEXT_CURSOR, Snapshot


class IkeTraffic(Shape):
    """IKEEXT_TRAFFIC0: the endpoints of the negotiation."""

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None
    remote_address: IpAddress | None
    auth_ip_filter_id: Uint64


class CookiePair(Shape):
    """IKEEXT_COOKIE_PAIR0: the IKE SPIs of the initiator and the responder.

    Their byte order is not documented. Other tools may show the bytes in reverse order.
    """

    initiator: Uint64
    initiator_hex: Hex64
    responder: Uint64
    responder_hex: Hex64


class CredentialPair(Shape):
    """IKEEXT_CREDENTIAL_PAIR2: how each side authenticated."""

    local_credentials: Credential
    peer_credentials: Credential


class IkeSa(Shape):
    """IKEEXT_SA_DETAILS2: a main mode SA, under which quick mode SAs are negotiated."""

    sa_id: Uint64 = Field(description="The id that `mmSaId` of an SA bundle refers to.")
    key_module_type: KeyModule
    key_module_type_raw: Raw | MISSING = MISSING
    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    weaknesses: list[IkeWeakness] = Field(
        description="Weaknesses of the main mode SA itself according to the server's baseline, "
        "which `/engine` names."
    )
    v4_udp_encapsulation: UdpEncapsulation | None
    ike_traffic: IkeTraffic
    ike_proposal: IkeProposal
    cookie_pair: CookiePair
    ike_credentials: list[CredentialPair] = Field(
        description="The first pair is from main mode, the second from extended mode."
    )
    ike_policy_key: Guid
    virtual_if_tunnel_id: Uint64


class IkeSaPage(Shape):
    """A page of main mode SAs, in ascending order of id.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[IkeSa]
    next_cursor: str | MISSING = NEXT_CURSOR
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because the IKEEXT service, which owns main mode "
        "SAs, is not running, as on a host without an IPsec policy.",
    )
    snapshot: Snapshot


class IkeSaExportEnd(Shape):
    """The last line of a list streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="The number of main mode SAs in the preceding lines.")
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because IKEEXT is not running, as in "
        "`IkeSaPage`.",
    )
    snapshot: Snapshot
