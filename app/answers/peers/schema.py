"""The schema of peers, of their lists, and of their events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.answers.ended.schema import EndedSaContext
from app.resources.connections.schema import Connection
from app.resources.ike_sas.schema import IkeSa
from app.resources.sa_contexts.summarized_schema import SummarizedSaContext
from app.schemas.base import IpAddress, Shape, Uint16, Uint32, Uint64
from app.schemas.hexadecimal import Hex32
from app.schemas.names import IpVersion, KeyModule, Monitoring, PeerState, Weakness
from app.schemas.pages import NEXT_CURSOR, Snapshot


class ProtectionCount(Shape):
    """The number of a peer's SA contexts with one protection."""

    protection: str = Field(
        description="The transforms of the outbound SA or, without it, of the inbound SA, in WFP's "
        "words.",
        examples=["ESP gcm_aes_256", "ESP cbc_aes_128 + hmac_sha_1_96"],
    )
    sa_contexts: int = Field(ge=1)


class PeerBase(Shape):
    """A peer, without the numbers that make no revision."""

    address: IpAddress = Field(
        description="The remote address; in tunnel mode, of the outer header. Several clients "
        "behind a NAT share one."
    )
    ip_version: IpVersion
    state: PeerState = Field(
        description="The first that holds: `protected` (an SA context with both SAs), `partial` "
        "(SA contexts, none with both SAs), `negotiating` (main mode SAs only), `failing` (no SA, "
        "and a negotiation failed in the last hour), `down` (expected, but no SA). Callers without "
        "`diagnostics:read` never see `failing`."
    )
    is_expected: bool = Field(
        description="Whether the setting `expected_peers` names the address, or a principal name "
        "that has SAs there or, if it has none anywhere, had its last ones there."
    )
    sa_contexts: int = Field(ge=0, description="The number of SA contexts.")
    complete_sa_contexts: int = Field(ge=0, description="The number of those with both SAs.")
    ike_sas: int = Field(ge=0, description="The number of main mode SAs.")
    key_modules: list[KeyModule] = Field(
        description="The keying modules that negotiated any of these, as far as they are known."
    )
    protections: list[ProtectionCount] = Field(
        description="The protection of the SA contexts, the most frequent first."
    )
    weaknesses: list[Weakness] = Field(description="The weaknesses of any of the SAs.")
    principal_names: list[str] = Field(
        description="The names that the peer authenticated with, or that this host expected; the "
        "most frequent first, at most ten."
    )
    principal_name_count: int = Field(ge=0, description="The number of different names.")
    nat_clients: int = Field(
        ge=0,
        description="The number of clients behind a NAT at this address, distinguished by UDP "
        "port, and by name or, without a name, by main mode SA; 0 if ESP is not encapsulated in "
        "UDP.",
    )
    last_change: datetime | None = Field(
        description="When an SA context or main mode SA of the peer was last added, modified or "
        "deleted, as this server saw it; null: not since the server started."
    )


class RecentFailure(Shape):
    """The recent failures of a peer with one code, none more than an hour after the one before."""

    code: Uint32 = Field(description="The Win32 code or NTSTATUS.")
    code_hex: Hex32
    name: str | None = Field(description="The code's name; null if it has none.")
    count: int = Field(ge=1)
    oldest: datetime
    newest: datetime


class PeerSummary(PeerBase):
    """One peer: what is protected with it, how well, and how much flows."""

    bytes_inbound: Uint64 | None = Field(
        description="Bytes received by the current connections with the peer; null if the engine "
        "does not count bytes (`monitoring` of the page)."
    )
    bytes_outbound: Uint64 | None = Field(description="Bytes sent; null as for `bytesInbound`.")
    bytes_inbound_per_second: int | None = Field(
        ge=0,
        description="Bytes received per second between the last two samples; null before the "
        "second one, and as for `bytesInbound`.",
    )
    bytes_outbound_per_second: int | None = Field(ge=0, description="Likewise, bytes sent.")
    recent_failures: list[RecentFailure] | MISSING = Field(
        default=MISSING,
        description="What failed with the peer in the last hour, the newest first, at most 16 "
        "codes. Absent for callers without `diagnostics:read`.",
    )


class NatClient(Shape):
    """One client behind a NAT at the peer's address."""

    remote_udp_encap_port: Uint16 = Field(description="The UDP port to which the NAT maps it.")
    principal_name: str | None = Field(description="Its principal name; null if unknown.")
    mm_sa_id: Uint64 | None = Field(
        description="The main mode SA that distinguishes it; null if its name does."
    )
    sa_contexts: int = Field(ge=1)


class PeerFinding(Shape):
    """One finding of the diagnosis."""

    finding: str = Field(description="What was found, in a sentence.")
    check: str = Field(description="What to check.")


class PeerDetail(PeerSummary):
    """One peer, with the objects behind its numbers, at most 100 of each kind."""

    sa_context_items: list[SummarizedSaContext] = Field(
        description="The SA contexts, in the view `summary`."
    )
    ike_sa_items: list[IkeSa] = Field(description="The main mode SAs.")
    connection_items: list[Connection] = Field(
        description="The connections, as old as `bytesInbound`."
    )
    nat_client_items: list[NatClient] = Field(description="The clients behind a NAT.")
    ended: list[EndedSaContext] = Field(
        description="The SA contexts with the peer that ended in the last hour, newest first."
    )
    diagnosis: list[PeerFinding] = Field(
        description="What follows from the state, the failures, the weaknesses, the numbers and "
        "what ended, the most important first. If failures are hidden from the caller, a finding "
        "says so."
    )
    snapshot: Snapshot


class PeerPage(Shape):
    """A page of peers, in order of their addresses or as `sort` says.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[PeerSummary]
    next_cursor: str | MISSING = NEXT_CURSOR
    monitoring: Monitoring = Field(
        description="Whether the engine tracks connections, and so counts bytes; `unknown` also if "
        "connections cannot be read. `/connections` says how to enable it."
    )
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if IKEEXT is not running, so that there can be no SAs.",
    )
    snapshot: Snapshot


class PeerExportEnd(Shape):
    """The last line of a list streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="The number of peers in the preceding lines.")
    monitoring: Monitoring
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING, description="As in `PeerPage`."
    )
    snapshot: Snapshot


class PeerEvent(Shape):
    """The data of `added` and `modified`: the peer after the change."""

    time: datetime = Field(description="When the server learnt of the change, in UTC.")
    revision: int = Field(
        ge=1, description="The revision of the change, comparable with the revisions of snapshots."
    )
    peer: PeerBase


class PeerDeleted(Shape):
    """The data of `deleted`: the peer is gone or no longer matches the stream's filters."""

    time: datetime = Field(description="When the server learnt of the change, in UTC.")
    revision: int = Field(ge=1, description="The revision of the change.")
    address: IpAddress
