"""Questions that only a real host can settle, each with what this one shows.

Where there is nothing to compare, the outcome is `unknown`. What a simulator or
another library answers is shown, too, and settles nothing about Windows.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv6Address
from itertools import islice
from typing import Any, Final

from app.doctor.checks.engine import refusal
from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.account import account
from bindings.addresses import Ipv6Order
from bindings.connections import Connections, ConnectionTemplate
from bindings.enumeration import ObjectReader, Template
from bindings.enums import IpVersion
from bindings.errors import EngineError, NeverMatch, NotSupported
from bindings.ike_sas import IkeSas
from bindings.key_sizes import KeySizes
from bindings.records import SaContext, SaDetails, V6AddressAndMask
from bindings.sa_contexts import SaContexts
from bindings.services import ServiceState, has_services, service
from bindings.statistics import ike_statistics
from bindings.undocumented_behaviour import empty_page
from bindings.well_known import CONDITION_FIELDS


MOST: Final = 2000
"""How many objects are looked at, at most: enough to see a rule, and soon done."""

V6_BITS: Final = 128


def ipv6_byte_order(subject: DoctorContext) -> CheckResult:
    """In which order the bytes of IPv6 addresses stand (IPSEC_TRAFFIC1; no page says)."""
    network = reversed_ = 0
    for details in _directions(subject):
        raw = details.traffic.local_address
        if details.ip_version != IpVersion.V6 or raw is None or raw == raw[::-1]:
            continue
        condition = _local_condition(details)
        network += raw == condition or _is_own(raw)
        reversed_ += raw[::-1] == condition or _is_own(raw[::-1])
    facts: Facts = {"inNetworkOrder": network, "reversed": reversed_}
    if bool(network) == bool(reversed_):
        return CheckResult(
            Outcome.UNKNOWN,
            "No IPv6 SA has an address that is this host's, or its filter's, in one order only.",
            "Run this again while there is an SA over IPv6.",
            facts,
        )
    found = Ipv6Order.NETWORK if network else Ipv6Order.REVERSED
    facts["order"] = found.value
    if found is not subject.settings.ipv6_order:
        return CheckResult(
            Outcome.WARNING,
            f"IPv6 addresses are in the order `{found.value}`, and the settings say "
            f"`{subject.settings.ipv6_order.value}`.",
            f"Set SA_CONTEXTS_IPV6_ORDER={found.value}.",
            facts,
        )
    return CheckResult(
        Outcome.OK,
        f"IPv6 addresses are in the order `{found.value}`, as the settings say.",
        facts=facts,
    )


def empty_enumeration(subject: DoctorContext) -> CheckResult:
    """Whether an enumeration that has nothing gives an array all the same."""
    with subject.session() as session:
        try:
            page = empty_page(session)
        except NeverMatch as error:
            return CheckResult(
                Outcome.OK, "A template that matches nothing is refused.", facts=refusal(error)
            )
        except EngineError as error:
            raise _unasked(error) from error
    array = "an array that is to be freed" if page.has_array else "no array (NULL)"
    return CheckResult(
        Outcome.OK,
        f"An enumeration that has nothing gives {array}; both are taken.",
        facts={"returned": page.returned, "hasArray": page.has_array},
    )


def key_sizes(subject: DoctorContext) -> CheckResult:
    """Whether the keys of SAs are filled in for a reader; only their sizes are read."""
    with subject.session() as session:
        try:
            sizes = [size for context in _some(KeySizes(session)) for size in context]
        except EngineError as error:
            raise _unasked(error) from error
    filled = sum(size > 0 for size in sizes)
    facts: Facts = {"keys": len(sizes), "filled": filled, "sizes": sorted(set(sizes))}
    if not sizes:
        return CheckResult(
            Outcome.UNKNOWN, "There is no SA whose key could be filled in.", facts=facts
        )
    return CheckResult(
        Outcome.OK,
        f"Of {len(sizes)} keys, {filled} are filled in. Only their sizes were looked at.",
        facts=facts,
    )


def ikeext_stopped(subject: DoctorContext) -> CheckResult:
    """What the engine answers of main mode SAs where IKEEXT is stopped already."""
    if not has_services():
        return CheckResult(
            Outcome.NOT_APPLICABLE, "This is no Windows, which has the service IKEEXT."
        )
    try:
        found = service("IKEEXT")
    except OSError as error:
        raise CheckSkipped("Windows does not tell of the service IKEEXT.") from error
    if found is None or found.state != ServiceState.STOPPED:
        return CheckResult(
            Outcome.UNKNOWN, "The service IKEEXT is not stopped; nothing is to be seen."
        )
    facts: Facts = {}
    with subject.session() as session:
        for name, ask in (
            ("enumeration", lambda: len(_some(IkeSas(session)))),
            ("byId", lambda: IkeSas(session).read(1)),
            ("statistics", lambda: ike_statistics(session)),
        ):
            try:
                answer = ask()
                facts[name] = answer if isinstance(answer, int) else "answered"
            except EngineError as error:
                facts[name] = error.name
    told = ", ".join(f"{name}: {answer}" for name, answer in facts.items())
    return CheckResult(
        Outcome.OK, f"While IKEEXT is stopped, the engine answers {told}.", facts=facts
    )


def operators_read(subject: DoctorContext) -> CheckResult:
    """Whether Network Configuration Operators suffices for who is no administrator."""
    found = account()
    if found is None:
        return CheckResult(Outcome.NOT_APPLICABLE, "This is no Windows, which has the group.")
    if found.is_administrator or not found.is_operator:
        return CheckResult(
            Outcome.UNKNOWN,
            "The account is not one that has its rights from Network Configuration Operators only.",
        )
    with subject.session() as session:
        try:
            count = len(_some(SaContexts(session)))
        except EngineError as error:
            return CheckResult(
                Outcome.OK, f"The group does not suffice: {error}.", facts=refusal(error)
            )
    return CheckResult(
        Outcome.OK, f"The group suffices: {count} SA contexts.", facts={"read": count}
    )


def connection_template_zero(subject: DoctorContext) -> CheckResult:
    """Whether a `connectionId` of 0 in a template stands for all connections; no page says."""
    with subject.session() as session:
        connections = Connections(session)
        try:
            before = _ids(connections, None)
            by_zero = _ids(connections, ConnectionTemplate(0))
            after = _ids(connections, None)
        except EngineError as error:
            raise _unasked(error) from error
    lasting = before & after
    facts: Facts = {"connections": len(lasting), "byZero": len(by_zero)}
    if not lasting:
        return CheckResult(Outcome.UNKNOWN, "There is no connection to look for.", facts=facts)
    if lasting <= by_zero:
        return CheckResult(
            Outcome.OK, "A connectionId of 0 stands for all connections.", facts=facts
        )
    return CheckResult(
        Outcome.WARNING,
        f"A connectionId of 0 gives {len(by_zero)} of {len(lasting)} connections: the list of "
        "connections is not complete.",
        "Send this report in.",
        facts,
    )


def connections_join(subject: DoctorContext) -> CheckResult:
    """How many connections have the ends and the mode of an SA context; no id is in common."""
    order = subject.settings.ipv6_order
    with subject.session() as session:
        try:
            connections = _some(Connections(session, ipv6_order=order))
        except EngineError as error:
            raise _unasked(error) from error
    ends = {
        (
            details.traffic.local_address,
            details.traffic.remote_address,
            details.traffic.traffic_type,
        )
        for details in _directions(subject, order)
    }
    joined = sum(
        (each.local_address, each.remote_address, each.ipsec_traffic_mode_type) in ends
        for each in connections
    )
    facts: Facts = {"connections": len(connections), "joined": joined}
    if not connections:
        return CheckResult(Outcome.UNKNOWN, "There is no connection to join.", facts=facts)
    return CheckResult(
        Outcome.OK,
        f"{joined} of {len(connections)} connections have the ends and the mode of an SA context.",
        facts=facts,
    )


def _directions(
    subject: DoctorContext, order: Ipv6Order = Ipv6Order.NETWORK
) -> Iterator[SaDetails]:
    """Each direction of the SA contexts that are looked at."""
    with subject.session() as session:
        try:
            contexts: list[SaContext] = _some(SaContexts(session, ipv6_order=order))
        except EngineError as error:
            raise _unasked(error) from error
    return (
        details
        for context in contexts
        for details in (context.inbound_sa, context.outbound_sa)
        if details is not None
    )


def _some(reader: ObjectReader[Any, Any]) -> list[Any]:
    with closing(reader.pages()) as pages:
        return list(islice((each for page in pages for each in page), MOST))


def _ids(connections: Connections, template: Template | None) -> set[int]:
    """The ids of all; without a template where there is none, unlike `Connections.arrays`."""
    ids: set[int] = set()
    with closing(ObjectReader.arrays(connections, template)) as arrays:
        for array in arrays:
            with array:
                ids.update(array.ids())
    return ids


def _local_condition(details: SaDetails) -> bytes | None:
    """The local address in the SA's transport filter, whose order is known: the network's."""
    for condition in details.transport_filter.conditions if details.transport_filter else ():
        if CONDITION_FIELDS.get(condition.field_key) == "ip_local_address":
            value = condition.condition_value.value
            if isinstance(value, V6AddressAndMask) and value.prefix_length == V6_BITS:
                return value.address
            return value if isinstance(value, bytes) else None
    return None


def _is_own(address: bytes) -> bool:
    """Whether an IPv6 address is this host's, which may bind to it, and to no other's."""
    if IPv6Address(address).is_multicast:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as attempt:
            attempt.bind((str(IPv6Address(address)), 0))
    except OSError:
        return False
    return True


def _unasked(error: EngineError) -> CheckSkipped:
    if isinstance(error, NotSupported):
        return CheckSkipped("This Windows has no such function: see `functions`.")
    return CheckSkipped(f"The engine did not answer: {error}.")
