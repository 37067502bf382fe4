"""Settings, from the command line, the environment (`SA_CONTEXTS_…`) or a file, in this order."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

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

from app.net.secure_urls import require_secure
from app.repository.limits import StoreLimits
from app.schemas.names import Baseline
from app.settings.file import read_settings_file
from app.settings.limits import ConnectionLimits, NetEventLimits, RateLimits
from bindings.addresses import Ipv6Order
from bindings.sa_contexts import PAGE_SIZE


MAX_PER_MINUTE: Final = 1_000_000_000
"""What a rate may be set to; no server reaches it."""
MAX_PEERS: Final = 1000
"""How many peers may have a metric of their own."""


def _listed(text: Any) -> Any:
    """What is separated by commas."""
    return (
        [each.strip() for each in text.split(",") if each.strip()]
        if isinstance(text, str)
        else text
    )


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("the path must be absolute")
    return path


LoggedRequests = Literal["off", "refused", "all"]
"""Which requests have an entry in the log; refused: those that were answered with a problem."""

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
"""Those whose signatures only the issuer can make."""


def _beside_certificate(path: Path, given: ValidationInfo) -> Path:
    if not given.data.get("tls_certificate"):
        raise ValueError("it says nothing without tls_certificate")
    return path


_Algorithms = Annotated[tuple[_Algorithm, ...], NoDecode, BeforeValidator(_listed)]
_HostName = Annotated[str, StringConstraints(to_lower=True, pattern=r"(?i)^[\w-]+(\.[\w-]+)*$")]
_Peers = Annotated[tuple[IPv4Address | IPv6Address, ...], Field(max_length=MAX_PEERS)]


class Settings(BaseSettings):
    """How the server runs.

    Each setting is read from `SA_CONTEXTS_` and its name in capitals, or by its name from the file.
    """

    model_config = SettingsConfigDict(
        env_prefix="SA_CONTEXTS_", extra="forbid", allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="The port to listen on; 0: any free one.")
    insecure: bool = Field(
        False,
        description="Whether an address other than loopback may do without authentication and TLS.",
    )
    hosts: Annotated[tuple[_HostName, ...] | None, NoDecode, BeforeValidator(_listed)] = Field(
        None,
        description="Names that requests may say in `Host`, beside the machine's own: commas "
        "between.",
    )
    tls_certificate: Path | None = Field(
        None, description="The file of the server's certificate and its chain, in PEM."
    )
    tls_key: Annotated[Path, AfterValidator(_beside_certificate)] | None = Field(
        None, description="The file of its private key; the certificate's if not given."
    )
    tls_client_ca: Annotated[Path, AfterValidator(_beside_certificate)] | None = Field(
        None,
        description="The file of the authorities, in PEM, one of which must vouch for each client.",
    )
    connection_count: int = Field(256, ge=1, description="Connections at most.")
    address_connection_count: int = Field(
        128, ge=1, description="Connections at most of one address, this host's own aside."
    )
    idle_seconds: int = Field(
        5, ge=1, description="How long a connection may be without a request."
    )
    request_seconds: float = Field(10, gt=0, description="How long a request may take to arrive.")
    response_seconds: float = Field(
        30, gt=0, description="How long a client may leave off reading."
    )
    request_bytes: int = Field(
        16 << 10, ge=1024, description="A request's head at most, and its body."
    )
    keys: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None,
        description="The absolute path of the file of API keys, as `sa-contexts keys` makes it; "
        "with it, or with an issuer, callers need a credential.",
    )
    keys_grace_seconds: float = Field(
        60,
        ge=0,
        description="How long API keys are accepted while their file cannot be read; then all are "
        "rejected until it can.",
    )
    oidc_issuer: _SecureUrl | None = Field(
        None, description="The OIDC issuer whose tokens are taken, as they say it in `iss`."
    )
    oidc_audience: str | None = Field(
        None,
        min_length=1,
        validate_default=True,
        description="What tokens must say in `aud`; needed with an issuer.",
    )
    oidc_jwks_url: _SecureUrl | None = Field(
        None, description="Where the issuer's keys are, if not where its discovery document says."
    )
    oidc_algorithms: _Algorithms = Field(
        "RS256,PS256,ES256,EdDSA",
        min_length=1,
        validate_default=True,
        description="By which algorithms tokens may be signed; commas between.",
    )
    oidc_skew_seconds: int = Field(
        30, ge=0, le=300, description="By how much the issuer's clock may differ."
    )
    engine: Literal["auto", "windows", "simulator"] = Field(
        "auto", description="Whose SA contexts to show; auto: Windows' where there is one."
    )
    library: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="The absolute path of any library of WFP's ABI, instead."
    )
    library_in_service: bool = Field(
        False, description="Whether a Windows service may load such a library, too."
    )
    generation: Literal[0, 1] = Field(
        1, description="The generation of WFP's functions: 1, or 0 as Windows Vista has them."
    )
    ipv6_order: Ipv6Order = Field(
        Ipv6Order.NETWORK,
        description="How the engine orders the bytes of IPv6 addresses: network or reversed.",
    )
    baseline: Baseline = Field(
        Baseline.NIST_SP_800_77R1, description="What weaknesses are judged against."
    )
    page_size: int = Field(PAGE_SIZE, ge=1, le=100_000, description="Contexts read in one call.")
    transaction_wait_ms: int = Field(
        3000, ge=1, le=60_000, description="How long a call waits for another's transaction."
    )
    simulated_contexts: int = Field(250, ge=0, le=1_000_000, description="Simulated SA contexts.")
    simulated_churn: float = Field(0.5, ge=0, le=10_000, description="Simulated changes a second.")
    simulated_net_events: float = Field(
        0.2, ge=0, le=10_000, description="Simulated failures a second, to be seen as net events."
    )
    simulated_seed: int = Field(1, ge=0, description="The same seed gives the same contexts.")
    minimum_interval_seconds: float = Field(0.25, ge=0, description="Least time between drains.")
    refresh_seconds: float = Field(15, gt=0, description="How often to ask the engine unasked.")
    gather_seconds: float = Field(
        0.1, ge=0, le=10, description="How long announced changes are gathered."
    )
    retry_seconds: float = Field(2, gt=0, description="The same while it does not answer.")
    ready_seconds: float = Field(60, gt=0, description="How old the last good answer may be.")
    patience_seconds: float = Field(30, gt=0, description="How long a request waits for a drain.")
    snapshot_idle_seconds: float = Field(60, gt=0, description="Hold of a snapshot not used.")
    snapshot_max_seconds: float = Field(600, gt=0, description="Hold of a snapshot at most.")
    snapshot_count: int = Field(256, ge=1, description="Different snapshots held at most.")
    snapshot_bytes: int = Field(2 << 30, ge=1, description="JSON held in memory at most.")
    journal_changes: int = Field(100_000, ge=1, description="Changes that the journal keeps.")
    journal_bytes: int = Field(64 << 20, ge=1, description="JSON that the journal keeps.")
    net_event_count: int = Field(1000, ge=1, description="Net events kept at most.")
    net_event_bytes: int = Field(8 << 20, ge=1, description="JSON of net events kept at most.")
    heartbeat_seconds: float = Field(
        5, gt=0, description="How often to ask whether the session that listens still lives."
    )
    stream_count: int = Field(
        200, ge=0, description="Streams of events at most; each takes a connection."
    )
    stream_seconds: float = Field(3600, gt=0, description="How long a stream lasts at most.")
    rate_address_requests: int = Field(
        600,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Requests a minute of one address that are answered before a caller is known: "
        "without a credential, for pages that need none, or with one that cannot be verified.",
    )
    rate_failures: int = Field(
        30,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Credentials a minute of one address that are not taken.",
    )
    rate_caller_requests: int = Field(
        60_000,
        ge=1,
        le=MAX_PER_MINUTE,
        description="Requests a minute of one caller; those without credentials are told apart by "
        "address, and those on this host not counted.",
    )
    rate_caller_streams: int = Field(
        50, ge=1, description="Streams of events at most of one caller, told apart the same way."
    )
    metrics_peers: Annotated[_Peers | None, NoDecode, BeforeValidator(_listed)] = Field(
        None,
        description="Remote addresses with a metric of their own: 1000 at most, commas between.",
    )
    metrics_connections: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Pairs of ends with metrics of what connections transfer, at most; 0: none, "
        "and connections are read only when somebody asks.",
    )
    log_format: Literal["text", "json"] = Field("text", description="How the log is written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe entries that are logged."
    )
    log_requests: LoggedRequests = Field(
        "all", description="Which requests have an entry of their own: off, refused or all."
    )
    log_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="The absolute path of a file to log to, too."
    )
    log_file_bytes: int = Field(
        10 << 20, ge=64 << 10, description="How large it may grow before it is put aside."
    )
    log_file_count: int = Field(
        5, ge=1, le=1000, description="How many of those that were put aside are kept."
    )

    @field_validator("oidc_audience")
    @classmethod
    def _needed_with_an_issuer(cls, audience: str | None, given: ValidationInfo) -> str | None:
        if audience is None and given.data.get("oidc_issuer") is not None:
            raise ValueError("tokens of an issuer are taken for an audience only")
        return audience

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic-settings' own
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where settings come from, the first that has one first.

        Raises:
            SettingsFileError: there is a file, and it cannot be read.
        """
        return init_settings, env_settings, InitSettingsSource(settings_cls, read_settings_file())

    def connection_limits(self) -> ConnectionLimits:
        """The settings that concern connections."""
        return ConnectionLimits(**self._of(ConnectionLimits))

    def rate_limits(self) -> RateLimits:
        """The settings that concern rates."""
        return RateLimits(**self._of(RateLimits))

    def store_limits(self) -> StoreLimits:
        """The settings that concern the store, which has them by the same names."""
        return StoreLimits(**self._of(StoreLimits))

    def net_event_limits(self) -> NetEventLimits:
        """The settings that concern net events."""
        return NetEventLimits(**self._of(NetEventLimits))

    def _of(
        self, limits: type[ConnectionLimits | RateLimits | StoreLimits | NetEventLimits]
    ) -> dict[str, Any]:
        """What has the same names here and there."""
        return self.model_dump(include={field.name for field in fields(limits)})
