"""The settings of the server of one host: its engine, its snapshots, and what it reports."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo
from pydantic_settings import NoDecode

from app.net.secure_urls import origin_of
from app.repository.refresh.reader import MAX_BYTES
from app.schemas.names import Baseline
from app.settings.server import SecureUrl, ServerSettings, absolute, split_list
from bindings.limits import LIMITS, MIN_LIMIT
from bindings.sa_contexts import PAGE_SIZE


MAX_PEERS: Final = 1000
"""Maximum number of expected peers, each of which has a metric of its own."""
_LIKE_ADDRESS: Final = re.compile(r"[0-9.]+(/[0-9.]*)?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(/[0-9]*)?")


def _split_counts(value: Any) -> Any:
    """Split a string such as `nat:50,storm:100` into a mapping; return other values unchanged."""
    if not isinstance(value, str):
        return value
    pairs = (each.partition(":") for each in split_list(value))
    return {name.strip(): count.strip() for name, _, count in pairs}


def _address_or_name(value: Any) -> Any:
    """Return an address if a string is one; reject what looks like one, but is none.

    Raises:
        ValueError: the string is a mistyped address or a subnet.
    """
    if not isinstance(value, str):
        return value
    try:
        return ip_address(value)
    except ValueError:
        if _LIKE_ADDRESS.fullmatch(value):
            raise ValueError("should be an address or a principal name") from None
        return value


def _with_issuer(client_id: str, given: ValidationInfo) -> str:
    issuer = given.data.get("oidc_issuer")
    if issuer is None:
        raise ValueError("it requires oidc_issuer")
    try:
        origin_of(issuer)  # the console's content security policy names it
    except ValueError as error:
        raise ValueError(f"oidc_issuer is not usable in browsers: {error}") from None
    return client_id


_Crowds = dict[
    Literal["storm", "nat", "half_open", "users", "spoofed"],
    Annotated[int, Field(ge=0, le=1 << 20)],
]
_ScopeToken = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+$")]  # RFC 6749, 3.3
_Name = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
_Expected = Annotated[
    tuple[
        Annotated[IPv4Address | IPv6Address | _Name, BeforeValidator(_address_or_name)],
        ...,
    ],
    Field(max_length=MAX_PEERS),
]


class Settings(ServerSettings):
    """The settings of the server of one host."""

    console: bool = Field(True, description="Whether `/` shows the console to browsers.")
    console_client_id: Annotated[str, AfterValidator(_with_issuer)] | None = Field(
        None,
        min_length=1,
        description="Client id of the console at the OIDC issuer, registered as a public client "
        "with PKCE; without it, the console accepts API keys only.",
    )
    console_scopes: Annotated[tuple[_ScopeToken, ...], NoDecode, BeforeValidator(split_list)] = (
        Field(
            "openid,sa:read,events:read,metrics:read,diagnostics:read",
            min_length=1,
            validate_default=True,
            description="Scopes that the console requests from the OIDC issuer, comma-separated.",
        )
    )
    engine: Literal["auto", "windows", "simulator"] = Field(
        "auto",
        description="Engine to read; auto: Windows' own if it exists, otherwise the simulator.",
    )
    library: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None, description="Absolute path of a library with WFP's ABI to load, whatever `engine` is."
    )
    allow_library_in_service: bool = Field(
        False, description="Whether a Windows service may load the library that `library` names."
    )
    generation: Literal[0, 1] = Field(
        1, description="Generation of WFP's functions to use; 0: those of Windows Vista."
    )
    ipv6_order: Literal["auto", "network", "reversed"] = Field(
        "auto",
        description="Byte order of the engine's IPv6 addresses; auto: the server detects it.",
    )
    baseline: Baseline = Field(
        Baseline.NIST_SP_800_77R1, description="Baseline that weaknesses are judged against."
    )
    engine_page_size: int = Field(
        PAGE_SIZE, ge=1, le=100_000, description="Objects read per call of the engine."
    )
    call_notes_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None,
        description="Absolute path of the file that notes which resource is being read from the "
        "engine; by default beside the log file, or else in the user's state folder.",
    )
    max_record_elements: int = Field(
        LIMITS.max_record_elements,
        ge=MIN_LIMIT,
        le=1 << 20,
        description="Maximum length of each array, blob and string in an object of the engine, in "
        "elements, bytes and UTF-16 units; with more, reading the object fails.",
    )
    max_enumeration_objects: int = Field(
        LIMITS.max_enumeration_objects,
        ge=1,
        description="Maximum number of objects in an enumeration of the engine; with more, it "
        "fails.",
    )
    max_enumeration_bytes: int = Field(
        MAX_BYTES,
        ge=1,
        description="Maximum bytes of JSON that the new and changed objects of an enumeration "
        "take; with more, it fails.",
    )
    transaction_wait_timeout_ms: int = Field(
        3000,
        ge=1,
        le=60_000,
        description="Milliseconds for which a call waits for another session's transaction.",
    )
    simulated_contexts: int = Field(
        250, ge=0, le=1_000_000, description="Number of simulated SA contexts."
    )
    simulated_churn: float = Field(
        0.5, ge=0, le=10_000, description="Simulated changes per second."
    )
    simulated_net_events: float = Field(
        0.2, ge=0, le=10_000, description="Simulated failures per second, reported as net events."
    )
    simulated_seed: int = Field(
        1, ge=0, description="Seed of the simulation; equal seeds give equal contexts."
    )
    simulated_crowds: Annotated[_Crowds | None, NoDecode, BeforeValidator(_split_counts)] = Field(
        None,
        description="Simulated crowds and their sizes, such as `nat:50,storm:100`: storm (equal SA "
        "contexts with one peer), nat (clients behind one NAT), half_open (peers without an "
        "outbound SA), users (clients with an address each), spoofed (peers that only fail).",
    )
    simulated_capture: Path | None = Field(
        None,
        description="File of `sa-contexts capture` to replay, instead of simulated SA contexts.",
    )
    refresh_min_interval_seconds: float = Field(
        0.25, ge=0, description="Minimum seconds between refreshes."
    )
    refresh_interval_seconds: float = Field(
        15, gt=0, description="Seconds between periodic refreshes, which happen without a request."
    )
    refresh_debounce_seconds: float = Field(
        0.1,
        ge=0,
        le=10,
        description="Seconds for which reported changes are collected before the changed objects "
        "are read.",
    )
    refresh_retry_seconds: float = Field(
        2, gt=0, description="Seconds between refresh attempts while the engine fails."
    )
    ready_max_age_seconds: float = Field(
        60,
        gt=0,
        description="Maximum age of the last successful refresh for the server to be ready, in "
        "seconds.",
    )
    engine_timeout_seconds: float = Field(
        30, gt=0, description="Seconds for which a request waits for the engine."
    )
    watchdog_seconds: float = Field(
        0,
        ge=0,
        description="Seconds for which a call of the engine or the server's event loop may hang "
        "before the process exits with status 4; 0: for ever.",
    )
    snapshot_idle_timeout_seconds: float = Field(
        60, gt=0, description="Seconds for which a snapshot stays leased after its last use."
    )
    max_snapshot_seconds: float = Field(
        600, gt=0, description="Maximum duration of a snapshot's lease, in seconds."
    )
    max_snapshots: int = Field(
        256,
        ge=1,
        description="Maximum number of leased snapshots for each kind of list; callers share it.",
    )
    max_snapshot_bytes: int = Field(
        2 << 30,
        ge=1,
        description="Bytes of snapshot JSON in memory above which a new lease first evicts "
        "another; callers share it.",
    )
    max_journal_changes: int = Field(
        100_000, ge=1, description="Maximum number of changes in the journal."
    )
    max_journal_bytes: int = Field(
        64 << 20, ge=1, description="Maximum bytes of JSON and index keys in the journal."
    )
    max_net_events: int = Field(1000, ge=1, description="Maximum number of net events kept.")
    max_net_event_bytes: int = Field(
        8 << 20, ge=1, description="Maximum bytes of JSON of the net events kept."
    )
    max_ended_contexts: int = Field(
        10_000, ge=1, description="Maximum number of ended SA contexts kept."
    )
    max_ended_context_bytes: int = Field(
        8 << 20, ge=1, description="Maximum bytes of JSON of the ended SA contexts kept."
    )
    heartbeat_interval_seconds: float = Field(
        5,
        gt=0,
        description="Seconds between checks that the session that receives net events is alive.",
    )
    max_streams: int = Field(
        200, ge=0, description="Maximum number of event streams; each occupies a connection."
    )
    max_stream_seconds: float = Field(
        3600, gt=0, description="Maximum duration of an event stream, in seconds."
    )
    max_streams_per_caller: int = Field(
        50,
        ge=1,
        description="Maximum number of event streams per caller; callers without credentials are "
        "identified by address.",
    )
    expected_peers: Annotated[_Expected | None, NoDecode, BeforeValidator(split_list)] = Field(
        None,
        description="Remote addresses, principal names, or DNS names of tunnels that should have "
        "SAs, comma-separated; at most 1000. In `/peers`, an expected address without SAs is "
        "`down`; a principal name is expected at the addresses where it has SAs or, if it has "
        "none, where it last had some. In `/tunnels`, an expected tunnel that is not up is `down` "
        "or `failing`; a tunnel is expected if its remote address or DNS name is. Each address has "
        "a metric of its own.",
    )
    metrics_connections: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Maximum number of endpoint pairs with metrics of the bytes that their "
        "connections transfer; 0: no such metrics.",
    )
    hub_url: SecureUrl | None = Field(
        None, description="URL of the hub that this host reports to; without it, it does not."
    )
    hub_token_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None,
        description="Absolute path of the file with the hub's enrolment token, which is read until "
        "the hub has enrolled this host.",
    )
    hub_ca_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None,
        description="Absolute path of the certificates of the authorities that issue the hub's "
        "certificate, in PEM; by default the system's.",
    )
    hub_proxy: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@]+/?$",
        description="URL of the proxy to the hub, such as `http://proxy.example:3128`.",
    )
    agent_folder: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None,
        description="Absolute path of the folder of this host's identity and of the reports that "
        "the hub does not have yet; by default `agent` in the state folder.",
    )
    max_spool_bytes: int = Field(
        64 << 20,
        ge=1 << 20,
        description="Maximum bytes of reports that are kept for the hub; beyond, the oldest are "
        "dropped, which the hub shows as a gap.",
    )
    max_spool_seconds: float = Field(
        7 * 86400,
        gt=0,
        description="Seconds for which reports are kept for the hub; after that, likewise.",
    )
