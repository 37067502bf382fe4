"""Subscriptions: being told by the engine what changed (IPsecSaContextSubscribe0, fwpmu.h).

The library calls back on a thread of its own, for which Python makes a thread
state and waits for the GIL. So nothing is done there but to copy what was told
and to call one function, and no lock is taken that whoever unsubscribes may
hold. Unsubscribing waits for a callback that is under way
(IPsecSaContextUnsubscribe0), with the GIL released.

What the library is given to call lives as long as the process, and a
subscription is known to it by a number that does not come again: a callback
that comes too late finds nobody, and harms nothing. What is still subscribed
when the interpreter ends is unsubscribed before, for then no callback may come.
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
from bindings.enums import SaContextEvent
from bindings.errors import EngineError, reading
from bindings.session import Session
from bindings.template import SubnetTemplate


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topic:
    """What can be subscribed to: the names of its functions, and the type of its callback."""

    subscribe: str
    unsubscribe: str
    callback: str


SA_CONTEXTS: Final = Topic(
    "IPsecSaContextSubscribe0", "IPsecSaContextUnsubscribe0", "IPSEC_SA_CONTEXT_CALLBACK0"
)
"""SA contexts that are added or deleted; Windows 8 and Windows Server 2012 have it first."""

Notify = Callable[[SaContextEvent | int, int], None]
"""Told of a change, a plain number where it has no name, and the id of its SA context."""


class Subscription:
    """A subscription with one session, until it is closed, before its session is."""

    def __init__(
        self, session: Session, topic: Topic, subscription: Any, receive: Callable[..., None]
    ) -> None:
        """Subscribe.

        Args:
            session: with whom.
            topic: to what.
            subscription: the address of the struct that says which of it.
            receive: called on a thread of the library's with what the callback is
                given, without its context; what pointers point to ends when it returns.

        Raises:
            NotSupported: the library has no such subscription.
            AccessDenied: the account lacks FWPM_ACTRL_SUBSCRIBE.
            EngineError: anything else that the engine refused.
        """
        self.session = session
        self.topic = topic
        self.receive = receive
        self._number = next(_numbers)
        _open[self._number] = self  # first, for a callback may come at once
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
        """Unsubscribe; further calls do nothing. Nothing is received after it returns.

        Where the engine did not take it, as with a session that died, what is
        being received may still go on.

        Raises:
            RuntimeError: this is called by what receives, for which it would wait forever.
            EngineError: the engine did not take it; the subscription is over all the same.
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
    """Those of this process that were not closed."""
    return list(_open.values())


def subscribe_to_sa_contexts(
    session: Session,
    notify: Notify,
    template: SubnetTemplate | None = None,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> Subscription:
    """Have `notify` called whenever an SA context is added or deleted.

    It is called on a thread of the library's, perhaps on several at once, and
    should do no more than hand on what it is told. Notifications are hints:
    one may come late, or never, and a modified context is not announced at all.

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
"""A look-up, for thousands may come at once."""

# Each step on these is one operation of a dict, which needs no lock.
_numbers = count(1)
_open: dict[int, Subscription] = {}
_receiving: dict[int, int] = {}  # by thread


@cache
def _callback(callback_type: str) -> Any:
    """What the library calls for every subscription of a type, as long as the process lives."""
    return ffi.callback(callback_type, _receive, onerror=_log_callback_error)


def _receive(context: Any, *event: Any) -> None:
    number = int(ffi.cast("uintptr_t", context))
    subscription = _open.get(number)
    if subscription is None:
        return
    thread = get_ident()
    _receiving[thread] = number
    try:
        with reading(subscription.topic.callback):
            subscription.receive(*event)
    finally:
        del _receiving[thread]


def _log_callback_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType
) -> None:
    """What a callback raised can reach nobody but the log."""
    log.error("a notification of the engine was not received", exc_info=(kind, error, trace))


@atexit.register
def _close_all() -> None:
    for subscription in open_subscriptions():
        try:
            subscription.close()
        except EngineError:  # with its session every subscription ends
            with suppress(EngineError):
                subscription.session.close()
