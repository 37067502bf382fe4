"""Enumerating and subscribing to net events (fwpmu.h).

On Windows, each enumeration leaks memory in this process, even if every result is freed
(microsoft/Windows-classic-samples, issue 202). Enumerate once, not for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.enumeration import too_many
from bindings.errors import EngineError, NotSupported, reading
from bindings.limits import LIMITS
from bindings.memory import read_pointers
from bindings.net_event import NetEvent, read_net_event
from bindings.session import Session
from bindings.subscriptions import Subscription, Topic


RESOURCE: Final = "net-events"
"""The name in the notes of reads under way (`bindings.call_notes`)."""

PAGE_SIZE: Final = 64

NEWEST_ENUMERATION: Final = 5
NEWEST_SUBSCRIPTION: Final = 4
"""A subscription of generation n receives events of generation n + 1."""

T = TypeVar("T")


def enumerate_net_events(
    session: Session,
    *,
    size: int = PAGE_SIZE,
    generation: int = NEWEST_ENUMERATION,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> list[NetEvent]:
    """Return all IKE and IPsec events that the engine has kept, in the engine's order.

    Uses the newest generation, up to `generation`, that both the library and the engine
    implement. In records of an older generation, fields that its structs lack are None.

    Raises:
        NetEventsDisabled: the engine does not collect net events.
        NotSupported: the library or the engine lacks the functions.
        AccessDenied: the account lacks FWPM_ACTRL_ENUM.
        MalformedAnswer: an entry is NULL or out of reach, or there are more entries than
            were requested.
        EnumerationTooLarge: there are more events than `AnswerLimits.max_enumeration_objects`.
        EngineGone: the engine stopped or the session died.
        EngineError: any other error of the engine.
    """
    return _by_newest(generation, lambda newest: _enumerate(session, size, newest, ipv6_order))


def subscribe_to_net_events(
    session: Session,
    notify: Callable[[NetEvent], None],
    *,
    generation: int = NEWEST_SUBSCRIPTION,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> Subscription:
    """Subscribe to IKE and IPsec events.

    `notify` is called on a thread of the library and must return quickly. Events may be
    lost. The generation is chosen as in `enumerate_net_events`.

    Raises:
        NetEventsDisabled: the engine does not collect net events.
        NotSupported: the library or the engine lacks the functions, as in Windows Vista.
        AccessDenied: the account lacks FWPM_ACTRL_SUBSCRIBE.
        EngineError: any other error of the engine.
    """
    return _by_newest(generation, lambda newest: _subscribe(session, notify, newest, ipv6_order))


def _by_newest(generation: int, attempt: Callable[[int], T]) -> T:
    """Call `attempt` with the newest supported generation, at most `generation`."""
    while True:
        try:
            return attempt(generation)
        except NotSupported:
            if generation == 0:
                raise
            generation -= 1


def _subscribe(
    session: Session, notify: Callable[[NetEvent], None], generation: int, ipv6_order: Ipv6Order
) -> Subscription:
    def receive(event: Any) -> None:
        if not event:
            return
        address = int(ffi.cast("uintptr_t", event))
        if (record := read_net_event(address, generation + 1, ipv6_order)) is not None:
            notify(record)

    topic = Topic(
        f"FwpmNetEventSubscribe{generation}",
        "FwpmNetEventUnsubscribe0",
        f"FWPM_NET_EVENT_CALLBACK{generation}",
        RESOURCE,
    )
    return Subscription(session, topic, ffi.new("FWPM_NET_EVENT_SUBSCRIPTION0 *"), receive)


def _enumerate(
    session: Session, size: int, generation: int, ipv6_order: Ipv6Order
) -> list[NetEvent]:
    events: list[NetEvent] = []
    function = f"FwpmNetEventEnum{generation}"
    returned = ffi.new("UINT32 *")
    with _enumeration(session) as handle:
        count, total = size, 0
        while count == size:
            with session.result(f"FWPM_NET_EVENT{generation} ***") as entries:
                session.call(function, handle, size, entries, returned)
                array = int(ffi.cast("uintptr_t", entries[0]))
                with reading(function):
                    addresses = read_pointers(array, returned[0], size)
                    read = [read_net_event(each, generation, ipv6_order) for each in addresses]
            count = len(addresses)
            total += count
            if total > LIMITS.max_enumeration_objects:
                raise too_many(function)
            events += [event for event in read if event is not None]
    return events


@contextmanager
def _enumeration(session: Session) -> Iterator[Any]:
    handle = ffi.new("HANDLE *")
    session.call("FwpmNetEventCreateEnumHandle0", ffi.NULL, handle)
    try:
        yield handle[0]
    except BaseException:
        # Do not let a failed clean-up mask the original error.
        with suppress(EngineError):
            session.call("FwpmNetEventDestroyEnumHandle0", handle[0])
        raise
    session.call("FwpmNetEventDestroyEnumHandle0", handle[0])
