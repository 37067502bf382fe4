"""Connections as clients see them, and a page of them."""

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.resources.wfp.ikeext_schema import Credential, IkeProposal
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.names import IpVersion, KeyModule, Monitoring, TrafficType
from app.schemas.pages import Snapshot


class Connection(Shape):
    """FWPM_CONNECTION0: what two hosts exchange under IPsec, whatever SAs protect it.

    It outlives the SA contexts that follow each other between the same two ends.
    """

    connection_id: Uint64
    ip_version: IpVersion = Field(description="In tunnel mode, that of the outer header.")
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None = Field(description="In tunnel mode, the tunnel's end.")
    remote_address: IpAddress | None = Field(description="In tunnel mode, the tunnel's end.")
    provider_key: Guid | None
    ipsec_traffic_mode_type: TrafficType
    ipsec_traffic_mode_type_raw: Raw | MISSING = MISSING
    key_module_type: KeyModule
    key_module_type_raw: Raw | MISSING = MISSING
    mm_crypto: IkeProposal
    mm_peer: Credential = Field(description="How the peer proved in main mode who it is.")
    em_peer: Credential = Field(description="The same in extended mode, where there was one.")
    bytes_transferred_in: Uint64
    bytes_transferred_out: Uint64
    bytes_transferred_total: Uint64
    start_sys_time: datetime | None = Field(
        description="When the connection was created; null where the engine does not tell."
    )
    sa_contexts_url: str = Field(
        description="The SA contexts that protect it, as a list; inferred: those with the same "
        "two ends and the same mode, for the engine gives no id in common.",
        examples=["/sa-contexts?localAddress=10.0.0.1&remoteAddress=10.0.0.2&trafficType=tunnel"],
    )


class ConnectionPage(Shape):
    """Connections in ascending order of their id.

    More exist exactly when `nextCursor` is present.
    """

    items: list[Connection]
    next_cursor: str | MISSING = Field(
        default=MISSING, description="For the parameter `cursor`; absent on the last page."
    )
    monitoring: Monitoring = Field(
        description="Whether the engine keeps track of connections "
        "(FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS); if not, there are none."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present where there are none because the service IKEEXT, which negotiates "
        "them, does not run.",
    )
    snapshot: Snapshot


class ConnectionExportEnd(Shape):
    """The last line of a list that is streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="How many connections came before.")
    monitoring: Monitoring = Field(description="As on a page.")
    ikeext: Literal["not_running"] | MISSING = Field(default=MISSING, description="As on a page.")
    snapshot: Snapshot
