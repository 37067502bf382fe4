"""The schema of tunnels, of their lists, and of their events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.resources.filters.schema import TunnelEndpoints
from app.schemas.base import Guid, Shape, Uint32, Uint64
from app.schemas.hexadecimal import Hex32
from app.schemas.names import KeyModule, Monitoring, TunnelState
from app.schemas.pages import NEXT_CURSOR, Snapshot


class TunnelBase(Shape):
    """A configured tunnel, without the members whose changes make no revision."""

    provider_context_key: Guid = Field(description="The key of the tunnel's policy.")
    state: TunnelState = Field(
        description="The first that holds: `up` (an SA context in tunnel mode between the "
        "endpoints has both SAs), `template` (an endpoint is any address or a name, and the remote "
        "one is not expected or has no known address), `failing` (a negotiation between the "
        "endpoints failed in the last hour, and the tunnel has not been up since then), `down` "
        "(the remote endpoint is expected), `idle` (without traffic, nothing starts a "
        "negotiation). Callers without `diagnostics:read` never see `failing`."
    )
    since: datetime | None = Field(
        description="When this server saw the state begin; null if the tunnel has had this state "
        "since the server first read the tunnels."
    )
    is_flapping: bool = Field(
        description="Whether the state has changed four times within a minute. The worst state of "
        "the last minute is then shown until one state has lasted for a minute."
    )
    is_expected: bool = Field(
        description="Whether the setting `expected_peers` names the remote address, its DNS name, "
        "or a principal name that has SAs there or had its last ones there."
    )
    provider_context_id: Uint64 = Field(
        description="The id of the policy: `tunnelPolicyId` of the tunnel's SA contexts. It may "
        "change when the Base Filtering Engine restarts."
    )
    name: str | None = Field(
        description="Usually the name of the rule or of the connection.",
        examples=["Branch office"],
    )
    description: str | None
    key_module: KeyModule = Field(
        description="The keying module that the tunnel is configured for."
    )
    idle_timeout_seconds: Uint32 = Field(
        description="How long an SA of the tunnel lasts without traffic."
    )
    tunnel_endpoints: TunnelEndpoints
    local_if_alias: str | MISSING = Field(
        default=MISSING, description="The name of the local interface; absent if unknown."
    )


class LastFailure(Shape):
    """The last failed negotiation between the endpoints of a tunnel."""

    code: Uint32 = Field(
        description="The Win32 code or NTSTATUS, which `/failures/{code}` explains."
    )
    code_hex: Hex32
    name: str | None = Field(description="The code's name; null if it has none.")
    time: datetime


class Tunnel(TunnelBase):
    """A configured tunnel, with its SA contexts, its traffic and its last failure."""

    sa_contexts: int = Field(
        ge=0,
        description="The number of SA contexts in tunnel mode between the endpoints; 0 if the "
        "remote endpoint is any address. Tunnels with the same endpoints share them, so all of "
        "these are `up` if one is.",
    )
    complete_sa_contexts: int = Field(ge=0, description="The number of those with both SAs.")
    bytes_inbound: Uint64 | None = Field(
        description="Bytes received by all current connections with the remote address, including "
        "those outside the tunnel; null if the engine does not count bytes (`monitoring` of "
        "the page), or the remote endpoint is any address."
    )
    bytes_outbound: Uint64 | None = Field(description="Bytes sent; null as for `bytesInbound`.")
    bytes_inbound_per_second: int | None = Field(
        ge=0,
        description="Bytes received per second between the last two samples; null before the "
        "second one, and as for `bytesInbound`.",
    )
    bytes_outbound_per_second: int | None = Field(
        ge=0, description="Bytes sent per second; null as for `bytesInboundPerSecond`."
    )
    last_failure: LastFailure | MISSING | None = Field(
        default=MISSING,
        description="The last failed negotiation between the endpoints; null if the server knows "
        "none. Absent for callers without `diagnostics:read`.",
    )


class TunnelPage(Shape):
    """A page of tunnels, in order of their keys.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[Tunnel]
    next_cursor: str | MISSING = NEXT_CURSOR
    monitoring: Monitoring = Field(
        description="Whether the engine tracks connections, and so counts bytes; `unknown` also if "
        "connections cannot be read."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if IKEEXT is not running, so that no tunnel can be up.",
    )
    snapshot: Snapshot


class TunnelExportEnd(Shape):
    """The last line of a list streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="The number of tunnels in the preceding lines.")
    monitoring: Monitoring
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING, description="As in `TunnelPage`."
    )
    snapshot: Snapshot


class TunnelEvent(Shape):
    """The data of `added` and `modified`: the tunnel after the change."""

    time: datetime = Field(description="When the server learnt of the change, in UTC.")
    revision: int = Field(
        ge=1, description="The revision of the change, comparable with the revisions of snapshots."
    )
    tunnel: TunnelBase


class TunnelDeleted(Shape):
    """The data of `deleted`: the tunnel is gone or no longer matches the stream's filters."""

    time: datetime = Field(description="When the server learnt of the change, in UTC.")
    revision: int = Field(ge=1, description="The revision of the change.")
    provider_context_key: Guid
