"""Main mode SAs as clients see them, and a page of them."""

from typing import Literal

from pydantic import MISSING, Field

from app.resources.wfp.ikeext_schema import Credential, IkeProposal
from app.resources.wfp.udp_encapsulation import UdpEncapsulation
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.names import IpVersion, KeyModule
from app.schemas.pages import Snapshot


class IkeTraffic(Shape):
    """IKEEXT_TRAFFIC0: between which hosts."""

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None
    remote_address: IpAddress | None
    auth_ip_filter_id: Uint64


class CookiePair(Shape):
    """IKEEXT_COOKIE_PAIR0: the SPIs of IKE. In which order their bytes stand is not documented."""

    initiator: Uint64
    responder: Uint64


class CredentialPair(Shape):
    """IKEEXT_CREDENTIAL_PAIR2: how each side proved who it is."""

    local_credentials: Credential
    peer_credentials: Credential


class IkeSa(Shape):
    """IKEEXT_SA_DETAILS2: an SA of main mode, which negotiates those of quick mode."""

    sa_id: Uint64 = Field(description="What `mmSaId` of an SA bundle names.")
    key_module_type: KeyModule
    key_module_type_raw: Raw | MISSING = MISSING
    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    v4_udp_encapsulation: UdpEncapsulation | None
    ike_traffic: IkeTraffic
    ike_proposal: IkeProposal
    cookie_pair: CookiePair
    ike_credentials: list[CredentialPair] = Field(
        description="The first pair is main mode's, the second extended mode's."
    )
    ike_policy_key: Guid
    virtual_if_tunnel_id: Uint64
    sa_contexts_url: str = Field(
        description="The SA contexts that it negotiated, as a list.",
        examples=["/sa-contexts?mmSaId=9007199254740993"],
    )


class IkeSaPage(Shape):
    """Main mode SAs in ascending order of their id.

    More exist exactly when `nextCursor` is present.
    """

    items: list[IkeSa]
    next_cursor: str | MISSING = Field(
        default=MISSING, description="For the parameter `cursor`; absent on the last page."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present where there are none because the service IKEEXT, which has them, "
        "does not run; as on a host without IPsec policy.",
    )
    snapshot: Snapshot


class IkeSaExportEnd(Shape):
    """The last line of a list that is streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="How many main mode SAs came before.")
    ikeext: Literal["not_running"] | MISSING = Field(default=MISSING, description="As on a page.")
    snapshot: Snapshot
