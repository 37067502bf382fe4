"""A session that is subscribed to net events, and the engine's stored events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from app.resources.net_events.names import Collection
from bindings.addresses import Ipv6Order
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import EngineError, NetEventsDisabled, NotSupported
from bindings.library import Library
from bindings.net_event import NetEvent
from bindings.net_events import enumerate_net_events, subscribe_to_net_events
from bindings.session import Session
from bindings.subscriptions import Subscription


@dataclass(slots=True)
class Listener:
    """A session and its subscription. Owns both; `close` releases them.

    Attributes:
        session: the open session.
        subscription: the subscription, or None if the engine does not support it or does not
            collect events.
        collection: whether the engine collects events.
        subscription_error: the error of subscribing, or of reading the stored events if the
            engine does not collect events; None if there was no such error.
        history: the stored events, read after subscribing.
    """

    session: Session
    subscription: Subscription | None = None
    collection: Collection = Collection.ENABLED
    subscription_error: EngineError | None = None
    history: list[NetEvent] = field(default_factory=list)

    def check_alive(self) -> None:
        """Read the engine's option and update `collection`.

        Raises:
            EngineError: the session is dead; open a new one.
        """
        with suppress(NotSupported):
            is_on = engine_option(self.session, EngineOption.COLLECT_NET_EVENTS) != 0
            self.collection = Collection.ENABLED if is_on else Collection.DISABLED

    @property
    def should_reconnect(self) -> bool:
        """Whether a new session could subscribe: collection was off and is now on."""
        return (
            self.subscription is None
            and self.collection is Collection.ENABLED
            and isinstance(self.subscription_error, NetEventsDisabled)
        )

    def close(self) -> None:
        """Close the subscription and the session. Ignore the errors of a dead engine."""
        for closable in (self.subscription, self.session):
            if closable is not None:
                with suppress(EngineError):
                    closable.close()


def open_listener(
    library: Library,
    on_event: Callable[[NetEvent], None],
    *,
    transaction_wait_timeout_ms: int,
    ipv6_order: Ipv6Order,
) -> Listener:
    """Open a session, subscribe, and then read the stored events.

    This order loses no event, but an event may be both stored and reported by the subscription.

    Args:
        library: the library to call.
        on_event: callback for each reported event, called on a thread of the library.
        transaction_wait_timeout_ms: as for `Session`.
        ipv6_order: byte order of the engine's IPv6 addresses.

    Raises:
        EngineError: a call failed; nothing is left open.
    """
    listener = Listener(Session(library, transaction_wait_timeout_ms=transaction_wait_timeout_ms))
    try:
        try:
            listener.subscription = subscribe_to_net_events(
                listener.session, on_event, ipv6_order=ipv6_order
            )
        except (NotSupported, NetEventsDisabled) as error:
            listener.subscription_error = error
            if isinstance(error, NetEventsDisabled):
                listener.collection = Collection.DISABLED  # until a heartbeat finds it enabled
        _read_history(listener, ipv6_order)
    except BaseException:
        listener.close()
        raise
    return listener


def _read_history(listener: Listener, ipv6_order: Ipv6Order) -> None:
    try:
        listener.history = enumerate_net_events(listener.session, ipv6_order=ipv6_order)
    except NetEventsDisabled as error:
        listener.collection = Collection.DISABLED
        listener.subscription_error = listener.subscription_error or error
    except NotSupported:
        if listener.subscription is None:
            raise
