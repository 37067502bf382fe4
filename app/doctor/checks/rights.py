"""Checks of what the account may ask the engine, by asking.

Opening the engine proves nothing: everybody may. What each of these needs by
default only Administrators and Network Configuration Operators have
(learn.microsoft.com, "Access Control (Windows Filtering Platform)").
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from app.doctor.checks.engine import refusal
from app.doctor.checks.host import OPERATORS
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.account import Elevation, account
from bindings.connections import Connections
from bindings.enumeration import ObjectReader
from bindings.errors import (
    AccessDenied,
    ConnectionsDisabled,
    EngineError,
    EngineGone,
    IkeextNotRunning,
    NetEventsDisabled,
    NotSupported,
)
from bindings.ike_sas import IkeSas
from bindings.net_events import enumerate_net_events
from bindings.sa_contexts import SaContexts
from bindings.session import Session
from bindings.statistics import ike_statistics, ipsec_statistics
from bindings.subscriptions import subscribe_to_sa_contexts


ENUMERATE: Final = "FWPM_ACTRL_ENUM and FWPM_ACTRL_READ"
COUNT: Final = "FWPM_ACTRL_READ_STATS"
SUBSCRIBE: Final = "FWPM_ACTRL_SUBSCRIBE"

_SWITCHED_OFF: Final = (
    (IkeextNotRunning, "The service IKEEXT does not run, so there is nothing of it to read."),
    (NetEventsDisabled, "The engine collects no net events: see `net_event_collection`."),
    (ConnectionsDisabled, "The engine keeps no track of them: see `connection_monitoring`."),
    (NotSupported, "This Windows has no such function: see `functions`."),
)


def right_check(
    what: str, right: str, container: str, ask: Callable[[Session], object]
) -> Callable[[DoctorContext], CheckResult]:
    """A check that the account may do something.

    Args:
        what: in words.
        right: what it needs.
        container: on what.
        ask: does it; nothing it gives is kept.
    """

    def examine(subject: DoctorContext) -> CheckResult:
        facts: Facts = {"right": right, "on": container}
        with subject.session() as session:
            try:
                ask(session)
            except AccessDenied as error:
                return CheckResult(
                    Outcome.FAILURE,
                    f"The account may not {what}: it lacks {right} on {container}.",
                    way_to_rights(),
                    facts | refusal(error),
                )
            except EngineError as error:
                return _other(what, error, facts)
        return CheckResult(Outcome.OK, f"The account may {what}.", facts=facts)

    return examine


def _other(what: str, error: EngineError, facts: Facts) -> CheckResult:
    facts = facts | refusal(error)
    for class_, sentence in _SWITCHED_OFF:
        if isinstance(error, class_):
            return CheckResult(Outcome.NOT_APPLICABLE, sentence, facts=facts)
    if isinstance(error, EngineGone):
        return CheckResult(
            Outcome.FAILURE,
            f"The engine was gone when asked to {what} ({error.name}).",
            "As an administrator: `sc.exe query BFE`; look for what stops it, and run this again.",
            facts,
        )
    return CheckResult(
        Outcome.FAILURE,
        f"The engine refused to {what}: {error}.",
        "Look the code up in docs/problems.md; run this again, for it may pass.",
        facts,
    )


def way_to_rights() -> str:
    """How this account comes to the rights that it lacks."""
    found = account()
    if found is not None and found.elevation is Elevation.LIMITED:
        return f"Run it as administrator, or as a member of {OPERATORS}."
    if found is not None and (found.is_administrator or found.is_operator):
        return (
            "The account is in a group that has the right by default, so the rights were changed: "
            "`netsh wfp show security type=engine`, as an administrator, shows them."
        )
    return f"Put the account into {OPERATORS}, and log on again or restart the service."


def _first_page(reader: Callable[[Session], ObjectReader[Any, Any]]) -> Callable[[Session], object]:
    def ask(session: Session) -> None:
        with closing(reader(session).arrays(size=1)) as arrays, next(arrays):
            pass

    return ask


def _subscribe(session: Session) -> None:
    subscribe_to_sa_contexts(session, lambda _event, _sa_context_id: None).close()


read_sa_contexts: Final = right_check(
    "read SA contexts", ENUMERATE, "the IPsec SA database", _first_page(SaContexts)
)
read_ike_sas: Final = right_check(
    "read main mode SAs", ENUMERATE, "the IKE SA database", _first_page(IkeSas)
)
read_connections: Final = right_check(
    "read connections", ENUMERATE, "connections", _first_page(Connections)
)
read_net_events: Final = right_check(
    "read net events", "FWPM_ACTRL_ENUM", "net events", enumerate_net_events
)
read_ipsec_statistics: Final = right_check(
    "read the statistics of IPsec", COUNT, "the IPsec SA database", ipsec_statistics
)
read_ike_statistics: Final = right_check(
    "read the statistics of IKE", COUNT, "the IKE SA database", ike_statistics
)
subscribe_to_changes: Final = right_check(
    "be told of changes of SA contexts", SUBSCRIBE, "the IPsec SA database", _subscribe
)
