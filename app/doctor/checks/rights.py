"""Checks of the account's rights on the engine: each check attempts an action.

Opening the engine proves nothing, because by default every account may open it. Each resource
declares the actions that it needs.
"""

from __future__ import annotations

from typing import Final

from app.api.resource import EngineAction
from app.doctor.checks.engine import error_facts
from app.doctor.checks.host import OPERATORS
from app.doctor.context import DoctorContext
from app.doctor.results import Check, CheckResult, Facts, failure, not_applicable, ok
from bindings.account import Elevation, account
from bindings.errors import (
    AccessDenied,
    ConnectionsDisabled,
    EngineError,
    EngineGone,
    IkeextNotRunning,
    NetEventsDisabled,
    NotSupported,
)


_SWITCHED_OFF: Final = (
    (IkeextNotRunning, "The service IKEEXT is not running, so there is nothing to read."),
    (NetEventsDisabled, "The engine does not collect net events: see `net_event_collection`."),
    (ConnectionsDisabled, "The engine does not track connections: see `connection_monitoring`."),
    (NotSupported, "This version of Windows lacks the function: see `functions`."),
)


def right_check(action: EngineAction) -> Check:
    """Return a check that attempts an action to find out whether the account may perform it."""

    def check(context: DoctorContext) -> CheckResult:
        facts: Facts = {"right": action.right, "on": action.container}
        with context.session() as session:
            try:
                action.attempt(session)
            except AccessDenied as error:
                return failure(
                    f"The account may not {action.words}: it lacks {action.right} on "
                    f"{action.container}.",
                    rights_remedy(),
                    facts | error_facts(error),
                )
            except EngineError as error:
                return _other_error(action.words, error, facts)
        return ok(f"The account may {action.words}.", facts=facts)

    return Check(action.name, check)


def _other_error(action: str, error: EngineError, facts: Facts) -> CheckResult:
    facts = facts | error_facts(error)
    for class_, sentence in _SWITCHED_OFF:
        if isinstance(error, class_):
            return not_applicable(sentence, facts=facts)
    if isinstance(error, EngineGone):
        return failure(
            f"The engine became unreachable during the attempt to {action} ({error.name}).",
            "As an administrator: `sc.exe query BFE`; find out what stops the service, then run "
            "the doctor again.",
            facts,
        )
    return failure(
        f"The attempt to {action} failed: {error}.",
        "Look up the error in Microsoft's documentation; then run the doctor again: the error may "
        "be temporary.",
        facts,
    )


def rights_remedy() -> str:
    """Return how this account can obtain a right that it lacks."""
    found = account()
    if found is not None and found.elevation is Elevation.LIMITED:
        return f"Run the program as administrator, or as a member of {OPERATORS}."
    if found is not None and (found.is_administrator or found.is_operator):
        return (
            "The account is in a group that has the right by default, so the permissions were "
            "changed. As an administrator, inspect them: `netsh wfp show security type=engine`."
        )
    return f"Add the account to {OPERATORS}, then log on again or restart the service."
