"""Probes of undocumented behaviour of Windows, which only a Windows host can show.

If a host has nothing to examine, the outcome is `unknown`. The probes also report the behaviour of
the simulator or another library, which proves nothing about Windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final

from app.doctor.checks.engine import error_facts
from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult, Facts, not_applicable, ok, unknown, warning
from app.service import ipv6_order_detector
from bindings.account import account
from bindings.addresses import Ipv6Order
from bindings.connections import Connections, ConnectionTemplate
from bindings.enumeration import ObjectReader, Template
from bindings.errors import EngineError, NeverMatch
from bindings.ike_sas import IkeSas
from bindings.ipv6_order import (
    MIN_AGREEING,
    Ipv6OrderDetector,
    Ipv6OrderReason,
    Ipv6OrderState,
)
from bindings.key_sizes import KeySizes
from bindings.records import SaContext, SaDetails
from bindings.sa_contexts import SaContexts
from bindings.services import ServiceState, has_services, service
from bindings.statistics import ike_statistics
from bindings.undocumented_behaviour import empty_page


MAX_OBJECTS: Final = 2000
"""Maximum number of objects to examine: enough to show a pattern, and quick to read."""


def ipv6_byte_order(context: DoctorContext) -> CheckResult:
    """Find out the byte order of IPv6 addresses in the same way as the server."""
    detected = _detected(context).state
    used = _used(context, detected)
    facts: Facts = {
        "order": used.order.value,
        "reason": used.reason.value,
        "since": used.since.isoformat(),
        "hostAddresses": detected.host_addresses._asdict(),
        "filterConditions": detected.filter_conditions._asdict(),
    }
    if detected.reason is Ipv6OrderReason.TOO_LITTLE_EVIDENCE:
        return unknown(
            "There is too little evidence for the byte order of IPv6 addresses: fewer than "
            f"{MIN_AGREEING} of them match this host or a filter in one order but not in the "
            f"other. The server uses `{used.order.value}` order.",
            "Run this again while there are more SAs over IPv6.",
            facts,
        )
    if detected.reason is Ipv6OrderReason.CONTRADICTORY_EVIDENCE:
        return warning(
            "Some IPv6 addresses match this host or a filter in network order only, others in "
            f"reversed order only: the server uses `{used.order.value}` order.",
            "Please submit this report. If addresses look reversed, set "
            "SA_CONTEXTS_IPV6_ORDER=reversed.",
            facts,
        )
    if detected.order is not used.order:
        return warning(
            f"IPv6 addresses are in `{detected.order.value}` order, but the settings say "
            f"`{used.order.value}`.",
            "Remove the setting SA_CONTEXTS_IPV6_ORDER: the server detects the order.",
            facts,
        )
    return ok(
        f"IPv6 addresses are in `{used.order.value}` order, which the server uses.", facts=facts
    )


def empty_enumeration(context: DoctorContext) -> CheckResult:
    """Find out whether an empty enumeration returns an array."""
    with context.session() as session:
        try:
            page = empty_page(session)
        except NeverMatch as error:
            return ok("A template that matches nothing is rejected.", facts=error_facts(error))
    array = "an array that must be freed" if page.has_array else "no array (NULL)"
    return ok(
        f"An empty enumeration returns {array}; the server handles both.",
        facts={"returned": page.returned, "hasArray": page.has_array},
    )


def key_sizes(context: DoctorContext) -> CheckResult:
    """Find out whether the engine returns the keys of SAs, by reading only their sizes."""
    with context.session() as session:
        sizes = [size for sa_context in _some(KeySizes(session)) for size in sa_context]
    filled = sum(size > 0 for size in sizes)
    facts: Facts = {"keys": len(sizes), "filled": filled, "sizes": sorted(set(sizes))}
    if not sizes:
        return unknown("There is no SA whose key could be returned.", facts=facts)
    return ok(
        f"The engine returns {filled} of {len(sizes)} keys. Only their sizes were read.",
        facts=facts,
    )


def ikeext_stopped(context: DoctorContext) -> CheckResult:
    """Find out how the engine answers reads of IKE SAs and statistics while IKEEXT is stopped."""
    if not has_services():
        return not_applicable("Not running on Windows, so there is no service IKEEXT.")
    try:
        found = service("IKEEXT")
    except OSError as error:
        raise CheckSkipped("The service IKEEXT cannot be queried.") from error
    if found is None or found.state != ServiceState.STOPPED:
        return unknown("The service IKEEXT is not stopped, so there is nothing to observe.")
    facts: Facts = {}
    with context.session() as session:
        for name, read in (
            ("enumeration", lambda: len(_some(IkeSas(session)))),
            ("byId", lambda: IkeSas(session).read(1)),
            ("statistics", lambda: ike_statistics(session)),
        ):
            try:
                answer = read()
                facts[name] = answer if isinstance(answer, int) else "answered"
            except EngineError as error:
                facts[name] = error.name
    answers = ", ".join(f"{name}: {answer}" for name, answer in facts.items())
    return ok(f"While IKEEXT is stopped, the engine responds with {answers}.", facts=facts)


def operators_read(context: DoctorContext) -> CheckResult:
    """Find out whether members of Network Configuration Operators may read SA contexts."""
    found = account()
    if found is None:
        return not_applicable("Not running on Windows, so there is no such group.")
    if found.is_administrator or not found.is_operator:
        return unknown(
            "The account does not get its rights from Network Configuration Operators alone: the "
            "test needs an account that does."
        )
    with context.session() as session:
        try:
            count = len(_some(SaContexts(session)))
        except EngineError as error:
            return ok(
                f"Membership in Network Configuration Operators does not suffice: {error}.",
                facts=error_facts(error),
            )
    return ok(
        f"Membership in Network Configuration Operators suffices: {count} SA contexts were read.",
        facts={"read": count},
    )


def connection_template_zero(context: DoctorContext) -> CheckResult:
    """Find out whether a `connectionId` of 0 in a template matches all connections."""
    with context.session() as session:
        connections = Connections(session)
        before = _ids(connections, None)
        by_zero = _ids(connections, ConnectionTemplate(0))
        after = _ids(connections, None)
    stable = before & after
    facts: Facts = {"connections": len(stable), "byZero": len(by_zero)}
    if not stable:
        return unknown("There is no connection to compare.", facts=facts)
    if stable <= by_zero:
        return ok("A connectionId of 0 matches all connections.", facts=facts)
    if not by_zero:
        return ok(
            "A connectionId of 0 matches no connection: the server enumerates each by its id.",
            facts=facts,
        )
    return warning(
        f"A connectionId of 0 matches {len(by_zero)} of {len(stable)} connections: the list of "
        "connections is incomplete.",
        "Please submit this report.",
        facts,
    )


def connections_join(context: DoctorContext) -> CheckResult:
    """Find out how many connections match an SA context by addresses and mode; no id links them."""
    order = _used(context, _detected(context).state).order
    with context.session() as session:
        connections = _some(Connections(session, ipv6_order=order))
    endpoints = {
        (
            details.traffic.local_address,
            details.traffic.remote_address,
            details.traffic.traffic_type,
        )
        for details in _directions(context, order)
    }
    joined = sum(
        (each.local_address, each.remote_address, each.ipsec_traffic_mode_type) in endpoints
        for each in connections
    )
    facts: Facts = {"connections": len(connections), "joined": joined}
    if not connections:
        return unknown("There is no connection to join.", facts=facts)
    return ok(
        f"{joined} of {len(connections)} connections match an SA context by endpoints and mode.",
        facts=facts,
    )


def _detected(context: DoctorContext) -> Ipv6OrderDetector:
    """Return a detector that ignores the settings and has examined the engine's SA contexts."""
    detector = Ipv6OrderDetector()
    with context.session() as session:
        detector.examine(SaContexts(session))
    return detector


def _used(context: DoctorContext, detected: Ipv6OrderState) -> Ipv6OrderState:
    """Return the order that the server uses: the configured one or else the detected one."""
    configured = ipv6_order_detector(context.settings).state
    return configured if configured.reason is Ipv6OrderReason.SETTING else detected


def _directions(context: DoctorContext, order: Ipv6Order) -> Iterator[SaDetails]:
    """Return an iterator over the SAs, inbound and outbound, of the first SA contexts."""
    with context.session() as session:
        sa_contexts: list[SaContext] = _some(SaContexts(session, ipv6_order=order))
    return (
        details
        for sa_context in sa_contexts
        for details in (sa_context.inbound_sa, sa_context.outbound_sa)
        if details is not None
    )


def _some(reader: ObjectReader[Any, Any]) -> list[Any]:
    with closing(reader.pages()) as pages:
        return list(islice((each for page in pages for each in page), MAX_OBJECTS))


def _ids(connections: Connections, template: Template | None) -> set[int]:
    """Return the ids of the matching connections; None enumerates without a template.

    `Connections.arrays` would replace None by a template that matches all connections.
    """
    ids: set[int] = set()
    with closing(ObjectReader.arrays(connections, template)) as arrays:
        for array in arrays:
            with array:
                ids.update(array.ids())
    return ids
