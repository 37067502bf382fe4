"""The schema of SA contexts in the view `summary`, and of their lists."""

from typing import Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.schema import IKEEXT
from app.schemas.base import IpAddress, Raw, Shape, Uint8, Uint16, Uint64
from app.schemas.names import PfsGroup, SaContextState, TrafficType, Weakness
from app.schemas.pages import NEXT_CURSOR, Snapshot


class SummarizedSaContext(Shape):
    """A context as one flat object: `view=summary`.

    It describes the outbound SA, or the inbound one if there is no other. Without an SA,
    `weaknesses` is empty, and the members that describe an SA are null.
    """

    sa_context_id: Uint64
    state: SaContextState
    local_address: IpAddress | None
    remote_address: IpAddress | None
    traffic_type: TrafficType | None
    traffic_type_raw: Raw | MISSING = MISSING
    ip_protocol: Uint8 | None = Field(description="As in `Traffic`; null if it is absent there.")
    local_port: Uint16 | None = Field(description="As in `Traffic`; null if it is absent there.")
    remote_port: Uint16 | None = Field(description="As in `Traffic`.")
    protection: str | None = Field(
        description="The transforms in WFP's words. `integrity only`: not encrypted, by HMAC or by "
        "AES-GMAC, for which WFP uses the name of GCM. `encryption only`: not authenticated. "
        "`first packet only`: packets after a connection's first are not protected.",
        examples=[
            "ESP gcm_aes_256",
            "ESP cbc_aes_128 + hmac_sha_1_96",
            "ESP gcm_aes_128, integrity only",
            "AH hmac_sha_256_128",
        ],
    )
    pfs_group: PfsGroup | None
    pfs_group_raw: Raw | MISSING = MISSING
    weaknesses: list[Weakness] = Field(description="The weaknesses of both SAs.")
    local_udp_encap_port: Uint16 | None = Field(description="Null without UDP encapsulation.")
    remote_udp_encap_port: Uint16 | None = Field(description="Null without UDP encapsulation.")
    principal_name: str | None = Field(
        description="The peer's user, from extended mode, or else its machine, from main mode. "
        "Only the initiator of the negotiation may trust it.",
        examples=["CORP\\alice", "host/web01.corp.example"],
    )
    rule_name: str | None = Field(description="The name of the rule behind the SA.")


class SummarizedSaContextPage(Shape):
    """A page of SA contexts in the view `summary`; otherwise like `SaContextPage`."""

    items: list[SummarizedSaContext]
    next_cursor: str | MISSING = NEXT_CURSOR
    ikeext: Literal["not_running"] | MISSING = IKEEXT
    snapshot: Snapshot
