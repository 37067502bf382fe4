"""Checks of the account's rights to the engine, by making the calls.

Opening the engine proves nothing, because everyone may. By default, only
Administrators and Network Configuration Operators have the rights checked here
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
    (IkeextNotRunning, "The service IKEEXT is not running, so there is nothing to read."),
    (NetEventsDisabled, "The engine does not collect net events: see `net_event_collection`."),
    (ConnectionsDisabled, "The engine does not track connections: see `connection_monitoring`."),
    (NotSupported, "This version of Windows lacks the function: see `functions`."),
)


def right_check(
    action: str, right: str, container: str, attempt: Callable[[Session], object]
) -> Callable[[DoctorContext], CheckResult]:
    """Return a check that the account may perform an action.

    Args:
        action: the action in words.
        right: the required access right.
        container: the object that the right is for.
        attempt: performs the action; its result is ignored.
    """

    def check(context: DoctorContext) -> CheckResult:
        facts: Facts = {"right": right, "on": container}
        with context.session() as session:
            try:
                attempt(session)
            except AccessDenied as error:
                return CheckResult(
                    Outcome.FAILURE,
                    f"The account may not {action}: it lacks {right} on {container}.",
                    rights_remedy(),
                    facts | refusal(error),
                )
            except EngineError as error:
                return _other_error(action, error, facts)
        return CheckResult(Outcome.OK, f"The account may {action}.", facts=facts)

    return check


def _other_error(action: str, error: EngineError, facts: Facts) -> CheckResult:
    facts = facts | refusal(error)
    for class_, sentence in _SWITCHED_OFF:
        if isinstance(error, class_):
            return CheckResult(Outcome.NOT_APPLICABLE, sentence, facts=facts)
    if isinstance(error, EngineGone):
        return CheckResult(
            Outcome.FAILURE,
            f"The engine became unreachable during the attempt to {action} ({error.name}).",
            "As an administrator: `sc.exe query BFE`; find out what stops it, and run this again.",
            facts,
        )
    return CheckResult(
        Outcome.FAILURE,
        f"The attempt to {action} failed: {error}.",
        "Look up the code in docs/problems.md; run this again, as the error may be temporary.",
        facts,
    )


def rights_remedy() -> str:
    """Return how this account obtains the rights that it lacks."""
    found = account()
    if found is not None and found.elevation is Elevation.LIMITED:
        return f"Run it as administrator, or as a member of {OPERATORS}."
    if found is not None and (found.is_administrator or found.is_operator):
        return (
            "The account is in a group that has the right by default, so the permissions were "
            "changed. As an administrator, inspect them: `netsh wfp show security type=engine`."
        )
    return f"Add the account to {OPERATORS}, then log on again or restart the service."


def _first_page(reader: Callable[[Session], ObjectReader[Any, Any]]) -> Callable[[Session], object]:
    def read(session: Session) -> None:
        with closing(reader(session).arrays(size=1)) as arrays, next(arrays):
            pass

    return read


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
    "read IPsec statistics", COUNT, "the IPsec SA database", ipsec_statistics
)
read_ike_statistics: Final = right_check(
    "read IKE statistics", COUNT, "the IKE SA database", ike_statistics
)
subscribe_to_changes: Final = right_check(
    "subscribe to changes of SA contexts", SUBSCRIBE, "the IPsec SA database", _subscribe
)
