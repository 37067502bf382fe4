"""Being told which connections begin and end (FwpmConnectionSubscribe0, fwpmu.h).

Other than of SA contexts, the engine sends the object itself, which is gone
when the callback returns: it is copied there, and decoded by whoever takes it.
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
    "FwpmConnectionSubscribe0", "FwpmConnectionUnsubscribe0", "FWPM_CONNECTION_CALLBACK0"
)
"""Connections that begin or end; Windows 8 and Windows Server 2012 have it first."""

Notify = Callable[[ConnectionEvent | int, RawTree], None]
"""Told of an event, a plain number where it has no name, and a copy of its connection, for
`bindings.connections.decode_connection`."""

_KNOWN: Final = frozenset(ConnectionEvent)


def subscribe_to_connections(
    session: Session,
    notify: Notify,
    connection_id: int = 0,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> Subscription:
    """Have `notify` called whenever a connection begins or ends.

    It is called on a thread of the library's, perhaps on several at once, and
    should do no more than hand on what it is told. Notifications are hints: one
    may come late, or never, and their bytes are those that the engine knew.

    Args:
        session: with whom.
        notify: what is told.
        connection_id: the only one to be told of; 0 for all.
        ipv6_order: see `Ipv6Order`.

    Raises:
        ConnectionsDisabled: the engine keeps no track of connections.
        NotSupported, AccessDenied, EngineError: as for `Subscription`.
    """

    def receive(event: int, connection: Any) -> None:
        if connection:
            plain = read_connection(int(ffi.cast("uintptr_t", connection)), 0, ipv6_order)
            notify(ConnectionEvent(event) if event in _KNOWN else event, plain)

    template = ffi.new("FWPM_CONNECTION_ENUM_TEMPLATE0 *", {"connectionId": connection_id})
    subscription = ffi.new("FWPM_CONNECTION_SUBSCRIPTION0 *")
    subscription.enumTemplate = template if connection_id else ffi.NULL
    return Subscription(session, CONNECTIONS, subscription, receive)
