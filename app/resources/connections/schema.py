"""The schema of connections and of their lists."""

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.resources.wfp.ikeext_schema import Credential, IkeProposal
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.names import IpVersion, KeyModule, Monitoring, TrafficType
from app.schemas.pages import NEXT_CURSOR, Snapshot


class Connection(Shape):
    """FWPM_CONNECTION0: the IPsec traffic between two endpoints.

    It is expected to outlive each of the successive SA contexts that protect it.
    """

    connection_id: Uint64
    ip_version: IpVersion = Field(description="In tunnel mode, the version of the outer header.")
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None = Field(description="In tunnel mode, the local endpoint.")
    remote_address: IpAddress | None = Field(description="In tunnel mode, the remote endpoint.")
    provider_key: Guid | None
    ipsec_traffic_mode_type: TrafficType
    ipsec_traffic_mode_type_raw: Raw | MISSING = MISSING
    key_module_type: KeyModule
    key_module_type_raw: Raw | MISSING = MISSING
    mm_crypto: IkeProposal
    mm_peer: Credential = Field(description="How the peer authenticated in main mode.")
    em_peer: Credential = Field(
        description="How the peer authenticated in extended mode, if that took place."
    )
    bytes_transferred_in: Uint64
    bytes_transferred_out: Uint64
    bytes_transferred_total: Uint64
    start_sys_time: datetime | None = Field(
        description="When the connection was created; null if the engine does not report it."
    )


class ConnectionPage(Shape):
    """A page of connections, in ascending order of id.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[Connection]
    next_cursor: str | MISSING = NEXT_CURSOR
    monitoring: Monitoring = Field(
        description="Whether the engine tracks connections "
        "(FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS); if not, the list is empty. To enable it: "
        "`sa-contexts service enable-connection-monitoring`, on the host, as an administrator."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because the IKEEXT service, which negotiates "
        "connections, is not running.",
    )
    snapshot: Snapshot


class ConnectionExportEnd(Shape):
    """The last line of a list streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="The number of connections in the preceding lines.")
    monitoring: Monitoring = Field(
        description="Whether the engine tracks connections, as in `ConnectionPage`."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because IKEEXT is not running, as in "
        "`ConnectionPage`.",
    )
    snapshot: Snapshot
