"""Connections as clients see them."""

from datetime import datetime

from pydantic import MISSING, Field

from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.ikeext import Credential, IkeProposal
from app.schemas.names import IpVersion, KeyModule, TrafficType


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
