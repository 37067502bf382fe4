"""Checks of the host: its Windows, its services, and the account that this runs as."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Callable
from typing import Final

from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.account import Account, Elevation, account
from bindings.services import ServiceStart, ServiceState, has_services, service


NO_WINDOWS: Final = "This is no Windows."
OPERATORS: Final = "Network Configuration Operators (S-1-5-32-556)"

_OLD: Final = "announcements of changes, connections, main mode SAs in full"
_NO_GROUP: Final = (
    f"The account is neither an administrator's nor in {OPERATORS}; Windows' default rights let "
    "only these read the engine."
)
_JOIN: Final = (
    'Put it into the group (`net localgroup "Network Configuration Operators" ACCOUNT /add`) and '
    "log on again, or restart the service."
)

LACKS: Final = (
    (
        (6, 1),
        "Windows Vista or Windows Server 2008",
        f"ports, protocol and interface of an SA, net events as they happen, {_OLD}",
    ),
    ((6, 2), "Windows 7 or Windows Server 2008 R2", _OLD),
)
"""Windows before a version (fwpmu.h says which function came with which): what it lacks."""


def windows(_subject: DoctorContext) -> CheckResult:
    """Which Windows this is, and what it lacks."""
    if platform.system() != "Windows":
        return CheckResult(
            Outcome.NOT_APPLICABLE,
            f"{NO_WINDOWS} It has no SA contexts of Windows; only simulated ones can be shown.",
            facts={"system": platform.platform()},
        )
    version = platform.version()
    facts: Facts = {"system": platform.platform(), "version": version}
    numbers = tuple(int(part) for part in version.split(".")[:2])
    for before, name, lacks in LACKS:
        if numbers < before:
            return CheckResult(
                Outcome.WARNING,
                f"This is {name}, which lacks {lacks}.",
                "Use a newer Windows where these are wanted.",
                facts,
            )
    return CheckResult(Outcome.OK, "This Windows has all that is read.", facts=facts)


def service_check(
    name: str, stopped: Outcome, without: str, remedy: str
) -> Callable[[DoctorContext], CheckResult]:
    """A check that a service runs.

    Args:
        name: Windows' name of it.
        stopped: the outcome where it does not run.
        without: what that means.
        remedy: what to do then.
    """

    def examine(_subject: DoctorContext) -> CheckResult:
        if not has_services():
            return CheckResult(Outcome.NOT_APPLICABLE, NO_WINDOWS)
        try:
            found = service(name)
        except OSError as error:
            raise CheckSkipped(
                f"Windows does not tell of the service {name}: {error.strerror}."
            ) from error
        if found is None:
            return CheckResult(
                Outcome.UNKNOWN, f"There is no service {name} here.", facts={"service": name}
            )
        facts: Facts = {"service": name, "state": _name(found.state), "start": _name(found.start)}
        if found.state == ServiceState.RUNNING:
            return CheckResult(Outcome.OK, f"The service {name} runs.", facts=facts)
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

    return examine


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
    "Nothing, where this host has no IPsec policy; else, as an administrator: "
    "`sc.exe start IKEEXT`.",
)
time_service: Final = service_check(
    "W32Time",
    Outcome.WARNING,
    "nothing keeps the clock right, which certificates and tokens need",
    "Nothing, where another program keeps the time; else, as an administrator: "
    "`sc.exe start W32Time`.",
)


def running_account(_subject: DoctorContext) -> CheckResult:
    """Who this runs as, and whether Windows gives that account the right to read the engine."""
    name = user_name()
    names = frozenset({name} if name else ())
    found = account()
    if found is None:
        return CheckResult(
            Outcome.NOT_APPLICABLE,
            f"{NO_WINDOWS} Its accounts need no rights to the engine.",
            facts={"account": name},
            names=names,
        )
    facts: Facts = {
        "account": name,
        "isAdministrator": found.is_administrator,
        "isNetworkConfigurationOperator": found.is_operator,
        "elevation": found.elevation.name.lower() if found.elevation else None,
    }
    outcome, sentence, remedy = _standing(found)
    return CheckResult(outcome, sentence, remedy, facts, names)


def user_name() -> str | None:
    """The name of the account; None where the system has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def _standing(found: Account) -> tuple[Outcome, str, str | None]:
    if found.is_administrator:
        return Outcome.OK, "The account is an administrator's, with all rights.", None
    if found.is_operator:
        return Outcome.OK, f"The account is in {OPERATORS}, which may read the engine.", None
    if found.elevation is Elevation.LIMITED:
        return (
            Outcome.WARNING,
            "The account is an administrator's, but this process is not elevated.",
            f"Run it as administrator, or put the account into {OPERATORS} and log on again.",
        )
    return Outcome.WARNING, _NO_GROUP, _JOIN


def _name(value: ServiceState | ServiceStart | int | None) -> str | int | None:
    return value.name.lower() if isinstance(value, ServiceState | ServiceStart) else value


def _words(state: ServiceState | int) -> str:
    name = _name(state)
    return name.replace("_", " ") if isinstance(name, str) else f"in the state {name}"
