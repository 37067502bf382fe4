"""Checks of the host: its version of Windows, its services, and this process' account."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Callable
from typing import Final

from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult, Facts, not_applicable, ok, unknown, warning
from app.schemas.doctor import Outcome
from bindings.account import Account, Elevation, account
from bindings.services import ServiceStart, ServiceState, has_services, service


NO_WINDOWS: Final = "Not running on Windows."
OPERATORS: Final = "Network Configuration Operators (S-1-5-32-556)"

_OLD: Final = "notifications of changes, connections, main mode SAs in full"
_NO_GROUP: Final = (
    f"The account is neither an administrator nor a member of {OPERATORS}; by default, only these "
    "may read the engine."
)
_JOIN: Final = (
    'Add it to the group (`net localgroup "Network Configuration Operators" ACCOUNT /add`), then '
    "log on again or restart the service."
)

LACKS: Final = (
    (
        (6, 1),
        "Windows Vista or Windows Server 2008",
        f"ports, protocol and interface of an SA, net events as they happen, {_OLD}",
    ),
    ((6, 2), "Windows 7 or Windows Server 2008 R2", _OLD),
)
"""For each version of Windows that lacks features: the number of the next version, the version's
names, and the missing features (fwpmu.h)."""


def windows(_context: DoctorContext) -> CheckResult:
    """Check whether the version of Windows lacks features."""
    if platform.system() != "Windows":
        return not_applicable(
            f"{NO_WINDOWS} Only simulated SA contexts can be shown.",
            facts={"system": platform.platform()},
        )
    version = platform.version()
    facts: Facts = {"system": platform.platform(), "version": version}
    numbers = tuple(int(part) for part in version.split(".")[:2])
    for before, name, lacks in LACKS:
        if numbers < before:
            return warning(
                f"This is {name}, which lacks {lacks}.",
                "If you need these, use a newer version of Windows.",
                facts,
            )
    return ok("This version of Windows has all features.", facts=facts)


def service_check(
    name: str, stopped: Outcome, without: str, remedy: str
) -> Callable[[DoctorContext], CheckResult]:
    """Return a check that a service is running.

    Args:
        name: the service's name.
        stopped: the outcome if it is not running.
        without: the consequence if it is not running.
        remedy: the remedy if it is neither running nor disabled.
    """

    def check(_context: DoctorContext) -> CheckResult:
        if not has_services():
            return not_applicable(NO_WINDOWS)
        try:
            found = service(name)
        except OSError as error:
            raise CheckSkipped(
                f"The service {name} cannot be queried: {error.strerror}."
            ) from error
        if found is None:
            return unknown(f"There is no service {name}.", facts={"service": name})
        facts: Facts = {"service": name, "state": _name(found.state), "start": _name(found.start)}
        if found.state == ServiceState.RUNNING:
            return ok(f"The service {name} is running.", facts=facts)
        if found.start == ServiceStart.DISABLED:
            return CheckResult(
                stopped,
                f"The service {name} is disabled: {without}.",
                f"As an administrator: `sc.exe config {name} start= auto`, "
                f"then `sc.exe start {name}`.",
                facts,
            )
        return CheckResult(
            stopped, f"The service {name} is {_words(found.state)}: {without}.", remedy, facts
        )

    return check


bfe_service: Final = service_check(
    "BFE",
    Outcome.FAILURE,
    "without the Base Filtering Engine there is nothing to read",
    "As an administrator: `sc.exe start BFE`.",
)
ikeext_service: Final = service_check(
    "IKEEXT",
    Outcome.WARNING,
    "no SAs are negotiated, so there are none to show",
    "Nothing to do if this host has no IPsec policy. Otherwise, as an administrator: `sc.exe start "
    "IKEEXT`.",
)
time_service: Final = service_check(
    "W32Time",
    Outcome.WARNING,
    "nothing synchronizes the clock, which the checks of certificates and tokens need",
    "Nothing to do if another program synchronizes the clock. Otherwise, as an administrator: "
    "`sc.exe start W32Time`.",
)


def running_account(_context: DoctorContext) -> CheckResult:
    """Check whether this process' account may read the engine under the default permissions."""
    name = user_name()
    names = frozenset({name} if name else ())
    found = account()
    if found is None:
        return not_applicable(
            f"{NO_WINDOWS} The simulated engine requires no rights.",
            facts={"account": name},
            names=names,
        )
    facts: Facts = {
        "account": name,
        "isAdministrator": found.is_administrator,
        "isNetworkConfigurationOperator": found.is_operator,
        "elevation": found.elevation.name.lower() if found.elevation else None,
    }
    outcome, sentence, remedy = _rights_of(found)
    return CheckResult(outcome, sentence, remedy, facts, names)


def user_name() -> str | None:
    """Return the account's name; None if the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def _rights_of(found: Account) -> tuple[Outcome, str, str | None]:
    if found.is_administrator:
        return Outcome.OK, "The account is an administrator and has all rights.", None
    if found.is_operator:
        return Outcome.OK, f"The account is in {OPERATORS}, which may read the engine.", None
    if found.elevation is Elevation.LIMITED:
        return (
            Outcome.WARNING,
            "The account is an administrator, but this process is not elevated.",
            f"Run it as administrator, or add the account to {OPERATORS} and log on again.",
        )
    return Outcome.WARNING, _NO_GROUP, _JOIN


def _name(value: ServiceState | ServiceStart | int | None) -> str | int | None:
    return value.name.lower() if isinstance(value, ServiceState | ServiceStart) else value


def _words(state: ServiceState | int) -> str:
    name = _name(state)
    return name.replace("_", " ") if isinstance(name, str) else f"in the state {name}"
