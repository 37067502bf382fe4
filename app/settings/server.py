"""The settings that every server has: addresses, TLS, credentials, limits and logs.

The command line takes precedence over the environment, and the environment over the file.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

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
from app.net.secure_urls import require_secure
from app.settings.file import read_settings_file


if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Limits = TypeVar("Limits", bound="DataclassInstance")

MAX_PER_MINUTE: Final = 1_000_000_000
"""Maximum value of a rate limit; more requests than a server can answer."""
MAX_TRUSTED_NETWORKS: Final = 100
"""Maximum number of networks of trusted proxies."""


def split_list(value: Any) -> Any:
    """Split a string at its commas; return any other value unchanged."""
    return (
        [each.strip() for each in value.split(",") if each.strip()]
        if isinstance(value, str)
        else value
    )


def absolute(path: Path) -> Path:
    """Return an absolute path.

    Raises:
        ValueError: it is relative.
    """
    if not path.is_absolute():
        raise ValueError("the path must be absolute")
    return path


LoggedRequests = Literal["off", "problems", "all"]
"""Which requests are logged; problems: those answered with a problem."""

SecureUrl = Annotated[str, AfterValidator(require_secure)]
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


_Algorithms = Annotated[tuple[_Algorithm, ...], NoDecode, BeforeValidator(split_list)]
_Networks = Annotated[
    tuple[Annotated[Network, AfterValidator(_not_all_addresses)], ...],
    Field(max_length=MAX_TRUSTED_NETWORKS),
]
_HostName = Annotated[str, StringConstraints(to_lower=True, pattern=r"(?i)^[\w-]+(\.[\w-]+)*$")]
_BasePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$")]


class ServerSettings(BaseSettings):
    """The settings of a server, whatever it serves.

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
        tuple[_HostName, ...] | None, NoDecode, BeforeValidator(split_list)
    ] = Field(
        None,
        description="Host names accepted in `Host` besides the machine's own, comma-separated.",
    )
    trusted_proxies: Annotated[_Networks | None, NoDecode, BeforeValidator(split_list)] = Field(
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
    api_keys_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
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
    oidc_issuer: SecureUrl | None = Field(
        None, description="OIDC issuer whose tokens are accepted, exactly as in their `iss` claim."
    )
    oidc_audience: str | None = Field(
        None,
        min_length=1,
        validate_default=True,
        description="Audience that tokens must name in `aud`; required with an issuer.",
    )
    oidc_jwks_url: SecureUrl | None = Field(
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
    log_format: Literal["text", "json"] = Field("text", description="Format of the log.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum severity of logged entries."
    )
    log_requests: LoggedRequests = Field(
        "all",
        description="Requests that are logged: all; problems: those answered with a problem; off: "
        "none.",
    )
    log_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None, description="Absolute path of an additional file to log to."
    )
    max_log_file_bytes: int = Field(
        10 << 20, ge=64 << 10, description="Size at which the log file is rotated, in bytes."
    )
    max_log_files: int = Field(
        5, ge=1, le=1000, description="Maximum number of rotated log files kept."
    )
    audit_log_file: Annotated[Path, AfterValidator(absolute)] | None = Field(
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
