"""Subscription to connections that begin or end (FwpmConnectionSubscribe0, fwpmu.h).

A notification points to the connection itself, whereas a notification of an SA
context has only an id. The pointer is valid only during the callback, so the
callback copies the connection. The receiver decodes the copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.connections import read_connection
from bindings.enums import ConnectionEvent
from bindings.memory import RawTree
from bindings.session import Session
from bindings.subscriptions import Subscription, Topic


CONNECTIONS: Final = Topic(
    "FwpmConnectionSubscribe0",
    "FwpmConnectionUnsubscribe0",
    "FWPM_CONNECTION_CALLBACK0",
    "connections",
)
"""The topic of connections that begin or end; Windows 8, Windows Server 2012 and later."""

Notify = Callable[[ConnectionEvent | int, RawTree], None]
"""A callback that receives an event (an int if unknown) and a copy of its connection.

`bindings.connections.decode_connection` decodes the copy.
"""

_KNOWN: Final = frozenset(ConnectionEvent)


def subscribe_to_connections(
    session: Session,
    notify: Notify,
    connection_id: int = 0,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> Subscription:
    """Subscribe to connections that begin or end.

    `notify` is called on the library's threads, possibly concurrently, and must
    return quickly. Notifications may be late or lost, and their byte counts may
    be out of date.

    Args:
        session: the session to subscribe with.
        notify: the callback.
        connection_id: the only connection to report; 0 for all.
        ipv6_order: the byte order of the engine's IPv6 addresses.

    Raises:
        ConnectionsDisabled: the engine does not track connections.
        NotSupported, AccessDenied, EngineError: as for `Subscription`.
    """

    def receive(event: int, connection: Any) -> None:
        if connection:
            tree = read_connection(int(ffi.cast("uintptr_t", connection)), 0, ipv6_order)
            notify(ConnectionEvent(event) if event in _KNOWN else event, tree)

    template = ffi.new("FWPM_CONNECTION_ENUM_TEMPLATE0 *", {"connectionId": connection_id})
    subscription = ffi.new("FWPM_CONNECTION_SUBSCRIPTION0 *")
    subscription.enumTemplate = template if connection_id else ffi.NULL
    return Subscription(session, CONNECTIONS, subscription, receive)
