"""Connections as a listed resource: how they are read, indexed and encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from app.repository.query.filters import Key, filter_field
from app.repository.resource import ResourceKind
from app.resources.connections.encoding import encode_connection
from app.resources.wfp.endpoints import (
    EndpointEncoder,
    EndpointSelection,
    key_of_ends,
    protection_of,
)
from app.resources.wfp.names import TRAFFIC_TYPE
from app.schemas.names import Monitoring, TrafficType
from bindings.connections import Connection, decode_connection
from bindings.engine import Engine
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import (
    AccessDenied,
    ConnectionsDisabled,
    EngineError,
    IkeextNotRunning,
    NotSupported,
)


MONITORING: Final = "monitoring"
"""The member of a page that reports whether the engine tracks connections."""


_MONITORING: Final[Mapping[int | None, Monitoring]] = MappingProxyType(
    {None: Monitoring.UNKNOWN, 0: Monitoring.OFF}
)


@dataclass(frozen=True)
class ConnectionSelection(EndpointSelection):
    """Filters on connections. A connection matches if it meets all of them."""

    LIST: ClassVar[str] = "connections"

    traffic_type: tuple[TrafficType, ...] = filter_field(TrafficType)


class ConnectionKind(ResourceKind):
    """Connections, each with its byte counts at the time at which it was read."""

    selection = ConnectionSelection
    with_source = staticmethod(Engine.with_connections)

    def annotations(self, engine: Engine) -> Mapping[str, str]:
        """Return whether the engine tracks connections; `unknown` if the option cannot be read."""
        option = EngineOption.MONITOR_IPSEC_CONNECTIONS
        try:
            value = engine.run_in_session(lambda session: engine_option(session, option))
        except (NotSupported, AccessDenied, IkeextNotRunning):
            value = None
        return {MONITORING: _MONITORING.get(value, Monitoring.ON).value}

    def reason_if_empty(self, error: EngineError) -> Mapping[str, str] | None:
        """Return annotations if the error means that the list is empty; None otherwise.

        The list is empty if the engine does not track connections or IKEEXT is not running.
        """
        if isinstance(error, ConnectionsDisabled):
            return {MONITORING: Monitoring.OFF.value}
        return super().reason_if_empty(error)

    def encoder(self) -> EndpointEncoder[Connection]:
        """Create an encoder for one refresh."""
        return EndpointEncoder(decode_connection, index_key, encode_connection)


def index_key(connection: Connection) -> Key:
    """Return the index key of a connection."""
    peers = (connection.mm_peer, connection.em_peer)
    protection = protection_of(
        connection.ip_version,
        connection.key_module_type,
        connection.mm_crypto,
        [peer.authentication_method_type for peer in peers],
        (TRAFFIC_TYPE[connection.ipsec_traffic_mode_type]["trafficType"],),
    )
    return key_of_ends(protection, connection.local_address, connection.remote_address, peers)
