"""Subscriptions to the engine's notifications (IPsecSaContextSubscribe0, fwpmu.h).

How a notification arrives: the library calls a C callback on a thread of its own.
Python creates a thread state for this thread and acquires the GIL. The callback must
be short: it only copies the notification and calls one function. It must not acquire a
lock that an unsubscribing thread may hold, because unsubscribing releases the GIL and
waits until running callbacks return (IPsecSaContextUnsubscribe0).

C callbacks live as long as the process. A callback receives the number of its
subscription. Numbers are never reused, so a callback that runs after its subscription
was closed finds no subscription and does nothing. Open subscriptions are closed at
interpreter exit, because no callback may run after that.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from threading import get_ident
from types import TracebackType
from typing import Any, Final, Self

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.call_notes import NOTES
from bindings.enums import SaContextEvent
from bindings.errors import EngineError, reading
from bindings.session import Session
from bindings.template import SubnetTemplate


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of subscription: the names of its functions, its callback type and its resource."""

    subscribe: str
    unsubscribe: str
    callback: str
    resource: str


SA_CONTEXTS: Final = Topic(
    "IPsecSaContextSubscribe0",
    "IPsecSaContextUnsubscribe0",
    "IPSEC_SA_CONTEXT_CALLBACK0",
    "sa-contexts",
)
"""The topic of added and deleted SA contexts; Windows 8, Windows Server 2012 and later."""

Notify = Callable[[SaContextEvent | int, int], None]
"""A callback that receives an event (an int if unknown) and the id of its SA context."""


class Subscription:
    """A subscription in one session; close it before the session."""

    def __init__(
        self, session: Session, topic: Topic, subscription: Any, receive: Callable[..., None]
    ) -> None:
        """Subscribe.

        Args:
            session: the session to subscribe with.
            topic: the kind of subscription.
            subscription: a pointer to the topic's subscription struct.
            receive: called on a thread of the library with the callback's arguments
                except the context; their pointers are valid only until `receive` returns.

        Raises:
            NotSupported: the library or the engine lacks the function.
            AccessDenied: the account lacks FWPM_ACTRL_SUBSCRIBE.
            EngineError: any other error of the engine.
        """
        self.session = session
        self.topic = topic
        self.receive = receive
        self._number = next(_numbers)
        _open[self._number] = self  # before subscribing, as a callback may run at once
        handle = ffi.new("HANDLE *")
        try:
            session.call(
                topic.subscribe,
                subscription,
                _callback(topic.callback),
                ffi.cast("void *", self._number),
                handle,
            )
        except BaseException:
            del _open[self._number]
            raise
        self._handle = handle[0]

    def close(self) -> None:
        """Unsubscribe; further calls do nothing.

        After `close` returns, `receive` is not called again. If `close` raises `EngineError`,
        as in a dead session, a callback may still be running.

        Raises:
            RuntimeError: called from this subscription's callback, which would deadlock.
            EngineError: the call failed; the subscription counts as closed anyway.
        """
        if _receiving.get(get_ident()) == self._number:
            raise RuntimeError("a callback cannot unsubscribe itself")
        if _open.pop(self._number, None) is not None and self.session.is_open:
            self.session.call(self.topic.unsubscribe, self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_subscriptions() -> list[Subscription]:
    """Return the open subscriptions of this process."""
    return list(_open.values())


def subscribe_to_sa_contexts(
    session: Session,
    notify: Notify,
    template: SubnetTemplate | None = None,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> Subscription:
    """Subscribe to added and deleted SA contexts.

    `notify` is called on the library's threads, possibly concurrently, and must
    return quickly. Notifications may be late or lost; modified contexts are not
    reported at all.

    Raises:
        NotSupported, EngineError: as for `Subscription`.
    """

    def receive(change: Any) -> None:
        if not change:
            return
        event: int = change.changeType
        notify(_EVENT_TYPES.get(event, event), change.saContextId)

    memory = None if template in (None, SubnetTemplate()) else template.as_c(ipv6_order)
    subscription = ffi.new("IPSEC_SA_CONTEXT_SUBSCRIPTION0 *")
    subscription.enumTemplate = memory.pointer if memory else ffi.NULL
    return Subscription(session, SA_CONTEXTS, subscription, receive)


_EVENT_TYPES: Final[dict[int, SaContextEvent]] = {int(event): event for event in SaContextEvent}
"""A lookup is faster than calling the enumeration; thousands of events may come at once."""

# Each access is a single atomic operation, so no lock is needed.
_numbers = count(1)
_open: dict[int, Subscription] = {}
_receiving: dict[int, int] = {}  # number of the subscription that calls back, by thread


@cache
def _callback(callback_type: str) -> Any:
    """Return the C callback of this type; it lives as long as the process."""
    return ffi.callback(callback_type, _receive, onerror=_log_callback_error)


def _receive(context: Any, *event: Any) -> None:
    number = int(ffi.cast("uintptr_t", context))
    subscription = _open.get(number)
    if subscription is None:
        return
    thread = get_ident()
    _receiving[thread] = number
    note = NOTES.enter(subscription.topic.resource)
    try:
        with reading(subscription.topic.callback):
            subscription.receive(*event)
    finally:
        NOTES.leave(note)
        del _receiving[thread]


def _log_callback_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType
) -> None:
    """Log an exception in a callback; it cannot propagate, because the caller is C code."""
    log.error("a notification of the engine was not received", exc_info=(kind, error, trace))


@atexit.register
def _close_all() -> None:
    for subscription in open_subscriptions():
        try:
            subscription.close()
        except EngineError:  # closing the session ends its subscriptions
            with suppress(EngineError):
                subscription.session.close()
