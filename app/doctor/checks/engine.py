"""Checks of the library and of the engine behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import AccessDenied, EngineError, EngineGone, NotSupported
from bindings.library import EngineKind
from bindings.session import Session


FEATURES: Final = (
    ("ports, protocol and interface of an SA", ("IPsecSaContextEnum1", "IPsecSaContextGetById1")),
    (
        "announcements of changes, which are then found by comparing",
        ("IPsecSaContextSubscribe0", "IPsecSaContextUnsubscribe0"),
    ),
    ("connections", ("FwpmConnectionCreateEnumHandle0", "FwpmConnectionEnum0")),
    ("main mode SAs", ("IkeextSaCreateEnumHandle0", "IkeextSaEnum0")),
    ("main mode SAs in full", ("IkeextSaEnum2",)),
    ("net events of the past", ("FwpmNetEventCreateEnumHandle0", "FwpmNetEventEnum0")),
    ("net events as they happen", ("FwpmNetEventSubscribe0",)),
    ("statistics", ("IPsecGetStatistics0", "IkeextGetStatistics0")),
)
"""What is missing where a library lacks one of these functions."""


def refusal(error: EngineError) -> Facts:
    """What the engine said, as facts."""
    return {"function": error.function, "winError": error.code, "winErrorName": error.name}


def library(subject: DoctorContext) -> CheckResult:
    """Whether there is a library that can be loaded, and whose SA contexts it shows."""
    found = subject.library
    if found is None:
        return CheckResult(
            Outcome.FAILURE,
            f"There is no library to read from: {str(subject.library_error).rstrip('.')}.",
            "Leave SA_CONTEXTS_LIBRARY and SA_CONTEXTS_ENGINE unset on Windows; elsewhere install "
            "sa-contexts[simulator], to see how it works.",
        )
    facts: Facts = {"path": str(found.path), "kind": found.kind.value}
    given = subject.settings.library is not None or subject.settings.engine != "auto"
    if found.kind is EngineKind.WINDOWS:
        return CheckResult(Outcome.OK, "The library is Windows' own.", facts=facts)
    sentence = (
        "The library is a simulator: its SA contexts are no host's."
        if found.kind is EngineKind.SIMULATOR
        else "The library is not Windows' own, but has its functions."
    )
    if given:
        return CheckResult(Outcome.OK, f"{sentence} It was asked for.", facts=facts)
    return CheckResult(
        Outcome.WARNING,
        sentence,
        "Run this on a Windows host to see its SA contexts, or ask for the simulator: "
        "SA_CONTEXTS_ENGINE=simulator.",
        facts,
    )


def functions(subject: DoctorContext) -> CheckResult:
    """Which functions the library has, and what those that it lacks are needed for."""
    if subject.library is None:
        raise CheckSkipped("There is no library to ask: see `library`.")
    has = subject.library.functions()
    missing = [name for name, is_there in has.items() if not is_there]
    lacking = [what for what, needed in FEATURES if not all(has[name] for name in needed)]
    facts: Facts = {"missing": list(missing), "without": list(lacking)}
    if lacking:
        return CheckResult(
            Outcome.WARNING,
            f"The library lacks {len(missing)} functions, and so there are no: "
            f"{'; '.join(lacking)}.",
            "Use a newer Windows (8, or Server 2012, has all of these) where they are wanted.",
            facts,
        )
    return CheckResult(Outcome.OK, "The library has all functions that are needed.", facts=facts)


def session(subject: DoctorContext) -> CheckResult:
    """Whether the engine can be opened, which needs no rights."""
    if subject.library is None:
        raise CheckSkipped("There is no library to ask: see `library`.")
    try:
        Session(subject.library, transaction_wait_ms=subject.settings.transaction_wait_ms).close()
    except EngineGone as error:
        return CheckResult(
            Outcome.FAILURE,
            f"The engine cannot be reached ({error.name}): the Base Filtering Engine does not run.",
            "As an administrator: `sc.exe query BFE`, then `sc.exe start BFE`.",
            refusal(error),
        )
    except AccessDenied as error:
        return CheckResult(
            Outcome.FAILURE,
            "The engine may not be opened, though everybody may by default: its rights differ.",
            "As an administrator, look at them: `netsh wfp show security type=engine`.",
            refusal(error),
        )
    except EngineError as error:
        return CheckResult(
            Outcome.FAILURE,
            f"The engine cannot be opened: {error}.",
            "Look the code up in docs/problems.md; restart the service BFE if nothing helps.",
            refusal(error),
        )
    return CheckResult(Outcome.OK, "The engine can be opened.")


def option_check(
    option: EngineOption, what: str, without: str, remedy: str
) -> Callable[[DoctorContext], CheckResult]:
    """A check that an option of the engine is on.

    Args:
        option: which.
        what: what it makes the engine do.
        without: what is missing while it does not.
        remedy: how it is switched on.
    """

    def examine(subject: DoctorContext) -> CheckResult:
        facts: Facts = {"option": option.name.lower()}
        with subject.session() as opened:
            try:
                value = engine_option(opened, option)
            except NotSupported:
                return CheckResult(Outcome.NOT_APPLICABLE, "The engine has no such option.")
            except EngineError as error:
                return CheckResult(
                    Outcome.UNKNOWN,
                    f"The engine does not tell whether it is to {what}: {error}.",
                    facts=facts | refusal(error),
                )
        facts["value"] = value
        if value == 0:
            return CheckResult(
                Outcome.WARNING, f"The engine does not {what}: {without}.", remedy, facts
            )
        return CheckResult(Outcome.OK, f"The engine is told to {what}.", facts=facts)

    return examine


net_event_collection: Final = option_check(
    EngineOption.COLLECT_NET_EVENTS,
    "collect net events",
    "failures of IKE and dropped packets are not shown",
    "As an administrator: `netsh wfp set options netevents=on`; it stays on.",
)
connection_monitoring: Final = option_check(
    EngineOption.MONITOR_IPSEC_CONNECTIONS,
    "keep track of IPsec connections",
    "there are no connections, and no bytes of them",
    "It is switched on by FwpmEngineSetOption0 with FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS, which "
    "takes an administrator's program; no tool of Windows' is known to do it, and this never does.",
)
