"""The settings, read from the command line, the environment and the settings file.

The command line takes precedence over the environment, and the environment over the file.
"""

from __future__ import annotations

import re
from dataclasses import fields
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.net.forwarding import Network
from app.net.secure_urls import origin_of, require_secure
from app.repository.limits import StoreLimits
from app.repository.refresh.reader import MAX_BYTES
from app.schemas.names import Baseline
from app.settings.file import read_settings_file
from app.settings.limits import ConnectionLimits, EndedLimits, NetEventLimits, RateLimits
from bindings.limits import LIMITS, MIN_LIMIT
from bindings.sa_contexts import PAGE_SIZE


Limits = TypeVar("Limits", ConnectionLimits, EndedLimits, NetEventLimits, RateLimits, StoreLimits)

MAX_PER_MINUTE: Final = 1_000_000_000
"""Maximum value of a rate limit; more requests than a server can answer."""
MAX_TRUSTED_NETWORKS: Final = 100
"""Maximum number of networks of trusted proxies."""
MAX_PEERS: Final = 1000
"""Maximum number of expected peers, each of which has a metric of its own."""
_LIKE_ADDRESS: Final = re.compile(r"[0-9.]+(/[0-9.]*)?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(/[0-9]*)?")


def _split_list(value: Any) -> Any:
    """Split a string at its commas; return any other value unchanged."""
    return (
        [each.strip() for each in value.split(",") if each.strip()]
        if isinstance(value, str)
        else value
    )


def _split_counts(value: Any) -> Any:
    """Split a string such as `nat:50,storm:100` into a mapping; return other values unchanged."""
    if not isinstance(value, str):
        return value
    pairs = (each.partition(":") for each in _split_list(value))
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


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("the path must be absolute")
    return path


LoggedRequests = Literal["off", "problems", "all"]
"""Which requests are logged; problems: those answered with a problem."""

_SecureUrl = Annotated[str, AfterValidator(require_secure)]
_Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
"""Asymmetric signature algorithms, with which only the issuer can sign."""


def _not_all_addresses(network: Network) -> Network:
    if network.prefixlen == 0:
        raise ValueError("it would let every client choose its own address")
    return network


def _beside_certificate(path: Path, given: ValidationInfo) -> Path:
    if not given.data.get("tls_certificate_file"):
        raise ValueError("it requires tls_certificate_file")
    return path


def _with_issuer(client_id: str, given: ValidationInfo) -> str:
    issuer = given.data.get("oidc_issuer")
    if issuer is None:
        raise ValueError("it requires oidc_issuer")
    try:
        origin_of(issuer)  # the console's content security policy names it
    except ValueError as error:
        raise ValueError(f"oidc_issuer is not usable in browsers: {error}") from None
    return client_id


_Algorithms = Annotated[tuple[_Algorithm, ...], NoDecode, BeforeValidator(_split_list)]
_Networks = Annotated[
    tuple[Annotated[Network, AfterValidator(_not_all_addresses)], ...],
    Field(max_length=MAX_TRUSTED_NETWORKS),
]
_HostName = Annotated[str, StringConstraints(to_lower=True, pattern=r"(?i)^[\w-]+(\.[\w-]+)*$")]
_BasePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$")]
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


class Settings(BaseSettings):
    """The server's settings.

    The environment variable of a setting is `SA_CONTEXTS_`, followed by the setting's name in
    capitals. The key in the settings file is the setting's name.
    """

    model_config = SettingsConfigDict(
        env_prefix="SA_CONTEXTS_", extra="forbid", allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: any free port.")
    allow_insecure: bool = Field(
        False,
        description="Whether to allow an address other than loopback without authentication and "
        "TLS.",
    )
    allowed_hosts: Annotated[
        tuple[_HostName, ...] | None, NoDecode, BeforeValidator(_split_list)
    ] = Field(
        None,
        description="Host names accepted in `Host` besides the machine's own, comma-separated.",
    )
    trusted_proxies: Annotated[_Networks | None, NoDecode, BeforeValidator(_split_list)] = Field(
        None,
        description="Addresses or networks of reverse proxies, comma-separated, whose `Forwarded` "
        "and `X-Forwarded-For` are believed; at most 100. The server then requires credentials on "
        "loopback, too.",
    )
    base_path: _BasePath | None = Field(
        None,
        description="Path prefix that a reverse proxy leaves in requests, such as `/ipsec`; the "
        "server removes it.",
    )
    tls_certificate_file: Path | None = Field(
        None, description="Path of the server's certificate and its chain, in PEM."
    )
    tls_key_file: Annotated[Path, AfterValidator(_beside_certificate)] | None = Field(
        None, description="Path of the private key, in PEM; by default the certificate's file."
    )
    tls_client_ca_file: Annotated[Path, AfterValidator(_beside_certificate)] | None = Field(
        None,
        description="Path of the certificates of the authorities that issue client certificates, "
        "in PEM; clients then need a certificate.",
    )
    max_connections: int = Field(256, ge=1, description="Maximum number of connections.")
    max_connections_per_address: int = Field(
        128,
        ge=1,
        description="Maximum number of connections per client address; loopback and trusted "
        "proxies are exempt.",
    )
    rate_limit_connections: int = Field(
        600,
        ge=1,
        le=MAX_PER_MINUTE // 10,
        description="Maximum new connections per minute from an address, and ten times as many "
        "from one whose credential was accepted; loopback and trusted proxies are exempt.",
    )
    keepalive_timeout_seconds: int = Field(
        5,
        ge=1,
        description="Seconds after which an idle connection is closed; also the timeout of a TLS "
        "handshake.",
    )
    request_timeout_seconds: float = Field(
        10, gt=0, description="Seconds within which a request must arrive completely."
    )
    send_timeout_seconds: float = Field(
        30,
        gt=0,
        description="Seconds over which a client must acknowledge at least 1,024 bytes a second on "
        "average, or the rest of the response if that is less; otherwise its connection is reset.",
    )
    max_request_bytes: int = Field(
        16 << 10,
        ge=1024,
        description="Maximum size of a request's head, and of its body, in bytes.",
    )
    api_keys_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None,
        description="Absolute path of the file of API keys, which `sa-contexts keys` creates; if "
        "this or an issuer is set, callers need a credential.",
    )
    api_keys_grace_seconds: float = Field(
        60,
        ge=0,
        description="Seconds for which API keys are still accepted while their file cannot be "
        "read; after that, all are rejected until it can be read again.",
    )
    oidc_issuer: _SecureUrl | None = Field(
        None, description="OIDC issuer whose tokens are accepted, exactly as in their `iss` claim."
    )
    oidc_audience: str | None = Field(
        None,
        min_length=1,
        validate_default=True,
        description="Audience that tokens must name in `aud`; required with an issuer.",
    )
    oidc_jwks_url: _SecureUrl | None = Field(
        None, description="URL of the issuer's keys; by default from its discovery document."
    )
    oidc_algorithms: _Algorithms = Field(
        "RS256,PS256,ES256,EdDSA",
        min_length=1,
        validate_default=True,
        description="Accepted signature algorithms of tokens, comma-separated.",
    )
    oidc_clock_skew_seconds: int = Field(
        30,
        ge=0,
        le=300,
        description="Accepted difference between the issuer's clock and this host's, in seconds.",
    )
    console: bool = Field(True, description="Whether `/` shows the console to browsers.")
    console_client_id: Annotated[str, AfterValidator(_with_issuer)] | None = Field(
        None,
        min_length=1,
        description="Client id of the console at the OIDC issuer, registered as a public client "
        "with PKCE; without it, the console accepts API keys only.",
    )
    console_scopes: Annotated[tuple[_ScopeToken, ...], NoDecode, BeforeValidator(_split_list)] = (
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
    library: Annotated[Path, AfterValidator(_absolute)] | None = Field(
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
    call_notes_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
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
    rate_limit_per_address: int = Field(
        600,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Maximum requests without a verified caller per minute from an address: those "
        "without a credential, with one that cannot be verified, or for paths that need none.",
    )
    rate_limit_rejections: int = Field(
        30,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Maximum rejected credentials per minute from an address.",
    )
    rate_limit_per_caller: int = Field(
        60_000,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Maximum requests per minute from a caller; callers without credentials are "
        "identified by address, and not limited if they are on this host.",
    )
    max_streams_per_caller: int = Field(
        50,
        ge=1,
        description="Maximum number of event streams per caller; callers without credentials are "
        "identified by address.",
    )
    expected_peers: Annotated[_Expected | None, NoDecode, BeforeValidator(_split_list)] = Field(
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
    log_format: Literal["text", "json"] = Field("text", description="Format of the log.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum severity of logged entries."
    )
    log_requests: LoggedRequests = Field(
        "all",
        description="Requests that are logged: all; problems: those answered with a problem; off: "
        "none.",
    )
    log_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="Absolute path of an additional file to log to."
    )
    max_log_file_bytes: int = Field(
        10 << 20, ge=64 << 10, description="Size at which the log file is rotated, in bytes."
    )
    max_log_files: int = Field(
        5, ge=1, le=1000, description="Maximum number of rotated log files kept."
    )
    audit_log_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None,
        description="Absolute path of the file of security events; by default `audit.log` beside "
        "the log file.",
    )
    max_audit_log_file_bytes: int = Field(
        10 << 20, ge=64 << 10, description="Size at which the audit log is rotated, in bytes."
    )
    max_audit_log_files: int = Field(
        10, ge=1, le=1000, description="Maximum number of rotated audit logs kept."
    )

    @field_validator("oidc_audience")
    @classmethod
    def _require_with_issuer(cls, audience: str | None, given: ValidationInfo) -> str | None:
        if audience is None and given.data.get("oidc_issuer") is not None:
            raise ValueError("an issuer requires an audience")
        return audience

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings, highest priority first.

        Raises:
            SettingsFileError: the settings file cannot be read or is not TOML.
        """
        return init_settings, env_settings, InitSettingsSource(settings_cls, read_settings_file())

    def limits(self, kind: type[Limits]) -> Limits:
        """Return the limits of class `kind`, filled from the settings with its fields' names."""
        return kind(**self.model_dump(include={field.name for field in fields(kind)}))
