"""A session that listens to net events, and what the engine held when it began."""

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
    """A session that listens, and what came of it.

    Attributes:
        session: an open one.
        subscription: None where the engine does not tell what happens.
        collection: whether the engine collects events.
        subscription_error: why there is no subscription.
        history: what the engine held when it was asked.
    """

    session: Session
    subscription: Subscription | None = None
    collection: Collection = Collection.ENABLED
    subscription_error: EngineError | None = None
    history: list[NetEvent] = field(default_factory=list)

    def check_alive(self) -> None:
        """Ask the engine whether it is there, and whether it collects.

        Raises:
            EngineError: the session is of no use any more.
        """
        with suppress(NotSupported):
            is_on = engine_option(self.session, EngineOption.COLLECT_NET_EVENTS) != 0
            self.collection = Collection.ENABLED if is_on else Collection.DISABLED

    @property
    def should_reconnect(self) -> bool:
        """Whether another session may have what this one could not."""
        return (
            self.subscription is None
            and self.collection is Collection.ENABLED
            and isinstance(self.subscription_error, NetEventsDisabled)
        )

    def close(self) -> None:
        """End the subscription and the session, whatever state they are in."""
        for ended in (self.subscription, self.session):
            if ended is not None:
                with suppress(EngineError):
                    ended.close()


def open_listener(
    library: Library,
    on_event: Callable[[NetEvent], None],
    *,
    transaction_wait_ms: int,
    ipv6_order: Ipv6Order,
) -> Listener:
    """A session that listens; what the engine holds is read after that, so that nothing is lost.

    Args:
        library: where the functions are.
        on_event: is told of what happens, on a thread of the library's.
        transaction_wait_ms: as for `Session`.
        ipv6_order: how the engine orders the bytes of IPv6 addresses.

    Raises:
        EngineError: the engine refused; nothing is left open.
    """
    listener = Listener(Session(library, transaction_wait_ms=transaction_wait_ms))
    try:
        try:
            listener.subscription = subscribe_to_net_events(
                listener.session, on_event, ipv6_order=ipv6_order
            )
        except (NotSupported, NetEventsDisabled) as error:
            listener.subscription_error = error
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
