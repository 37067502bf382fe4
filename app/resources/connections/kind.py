"""Connections as a listed resource: how they are read, indexed and encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

from app.repository.query.filters import Key, filter_field
from app.repository.query.interner import Interner
from app.repository.resource import ResourceKind
from app.repository.snapshot.model import Item
from app.resources.connections.encoding import encode_connection
from app.resources.wfp.endpoints import EndpointSelection, key_of_ends
from app.resources.wfp.names import (
    AUTHENTICATION_METHOD,
    DH_GROUP,
    IKE_CIPHER,
    IKE_INTEGRITY,
    IP_VERSION,
    IPSEC_TRAFFIC_MODE_TYPE,
    KEY_MODULE,
)
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
    Monitoring,
    TrafficType,
)
from bindings.connections import Connection, decode_connection
from bindings.engine import Engine
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import AccessDenied, ConnectionsDisabled, EngineError, NotSupported
from bindings.fingerprints import fingerprint
from bindings.memory import RawTree


MONITORING: Final = "monitoring"
"""The member of a page that reports whether the engine tracks connections."""


_MONITORING: Final[Mapping[int | None, Monitoring]] = MappingProxyType(
    {None: Monitoring.UNKNOWN, 0: Monitoring.OFF}
)


class ConnectionProtection(NamedTuple):
    """How a connection is protected, in public names; each field is compared by a filter."""

    ip_version: tuple[str]
    traffic_type: tuple[str]
    key_module: tuple[str]
    cipher: tuple[str]
    integrity: tuple[str]
    dh_group: tuple[str]
    authentication_method: tuple[str, ...]


PROTECTIONS: Final[Interner[ConnectionProtection]] = Interner()


@dataclass(frozen=True)
class ConnectionSelection(EndpointSelection):
    """Filters that a connection must meet, all of them."""

    LIST: ClassVar[str] = "connections"

    ip_version: tuple[IpVersion, ...] = filter_field(IpVersion)
    traffic_type: tuple[TrafficType, ...] = filter_field(TrafficType)
    key_module: tuple[KeyModule, ...] = filter_field(KeyModule)
    cipher: tuple[IkeCipher, ...] = filter_field(IkeCipher)
    integrity: tuple[IkeIntegrity, ...] = filter_field(IkeIntegrity)
    dh_group: tuple[DhGroup, ...] = filter_field(DhGroup)
    authentication_method: tuple[AuthenticationMethod, ...] = filter_field(AuthenticationMethod)

    @classmethod
    def protections(cls) -> Interner[Any]:
        """Return the protections of connections."""
        return PROTECTIONS


class ConnectionKind(ResourceKind):
    """Connections, each with its byte counts at the time it is read."""

    selection = ConnectionSelection
    with_source = staticmethod(Engine.with_connections)

    def annotations(self, engine: Engine) -> Mapping[str, str]:
        """Return whether the engine tracks connections; `unknown` if it does not say."""
        option = EngineOption.MONITOR_IPSEC_CONNECTIONS
        try:
            value = engine.run_in_session(lambda session: engine_option(session, option))
        except (NotSupported, AccessDenied):
            value = None
        return {MONITORING: _MONITORING.get(value, Monitoring.ON).value}

    def reason_if_empty(self, error: EngineError) -> Mapping[str, str] | None:
        """Return annotations for an empty list, also if the engine does not track connections."""
        if isinstance(error, ConnectionsDisabled):
            return {MONITORING: Monitoring.OFF.value}
        return super().reason_if_empty(error)

    def encoder(self) -> ConnectionEncoder:
        """Create an encoder for one refresh."""
        return ConnectionEncoder()


class ConnectionEncoder:
    """Encodes connections as snapshot items."""

    def fingerprint(self, plain: RawTree) -> bytes:
        """Return a digest of the connection, including its byte counts."""
        return fingerprint(plain)

    def item(self, plain: RawTree) -> Item:
        """Decode the connection and encode it as an item."""
        connection = decode_connection(plain)
        return Item(index_key(connection), encode_connection(connection))


def index_key(connection: Connection) -> Key:
    """Return the index key of a connection."""
    crypto = connection.mm_crypto
    methods = {
        AUTHENTICATION_METHOD[peer.authentication_method_type]["authenticationMethodType"]
        for peer in (connection.mm_peer, connection.em_peer)
    }
    protection = ConnectionProtection(
        (IP_VERSION[connection.ip_version]["ipVersion"],),
        (IPSEC_TRAFFIC_MODE_TYPE[connection.ipsec_traffic_mode_type]["ipsecTrafficModeType"],),
        (KEY_MODULE[connection.key_module_type]["keyModuleType"],),
        (IKE_CIPHER[crypto.cipher]["algoIdentifier"],),
        (IKE_INTEGRITY[crypto.integrity]["algoIdentifier"],),
        (DH_GROUP[crypto.dh_group]["dhGroup"],),
        tuple(sorted(methods)),
    )
    return key_of_ends(
        PROTECTIONS.number(protection), connection.local_address, connection.remote_address
    )
