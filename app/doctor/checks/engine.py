"""Checks of the library and the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts, failure, not_applicable, ok, unknown, warning
from app.resources import RESOURCES
from app.schemas.hexadecimal import hex32
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import AccessDenied, EngineError, EngineGone, LibraryError, NotSupported
from bindings.library import EngineKind
from bindings.winerror import WinError


def error_facts(error: EngineError) -> Facts:
    """Return the attributes of an engine error as facts."""
    return {
        "function": error.function,
        "winError": error.code,
        "winErrorHex": hex32(error.code),
        "winErrorName": error.name,
    }


def library(context: DoctorContext) -> CheckResult:
    """Check that the library can be loaded, and report whether it is Windows' own."""
    found = context.library
    if isinstance(found, LibraryError):
        return failure(
            f"The library cannot be loaded: {str(found).rstrip('.')}.",
            "Leave SA_CONTEXTS_LIBRARY and SA_CONTEXTS_ENGINE unset on Windows; on other systems, "
            "install `sa-contexts[simulator]` to try the server.",
        )
    facts: Facts = {"path": str(found.path), "kind": found.kind.value}
    is_configured = context.settings.library is not None or context.settings.engine != "auto"
    if found.kind is EngineKind.WINDOWS:
        return ok("The library is Windows' own.", facts=facts)
    sentence = (
        "The library is a simulator: its SA contexts are not real."
        if found.kind is EngineKind.SIMULATOR
        else "The library is not Windows' own, but exports its functions."
    )
    if is_configured:
        return ok(f"{sentence} The settings select it.", facts=facts)
    return warning(
        sentence,
        "Run this on a Windows host to see its SA contexts, or select the simulator with "
        "SA_CONTEXTS_ENGINE=simulator.",
        facts,
    )


def functions(context: DoctorContext) -> CheckResult:
    """Check which functions the library lacks, and which features are therefore unavailable."""
    has = context.loaded_library().functions()
    missing = [name for name, is_exported in has.items() if not is_exported]
    lacking = [
        feature
        for resource in RESOURCES
        for feature, needed in resource.features.items()
        if not all(has[name] for name in needed)
    ]
    facts: Facts = {"missing": list(missing), "without": list(lacking)}
    if lacking:
        return warning(
            f"The library lacks {len(missing)} functions, so these features are unavailable: "
            f"{'; '.join(lacking)}.",
            "If you need these, use a newer version of Windows (8 or Server 2012 has all of them).",
            facts,
        )
    return ok("The library exports all needed functions.", facts=facts)


def session(context: DoctorContext) -> CheckResult:
    """Check that the engine can be opened, which every account may do by default."""
    try:
        context.open_session().close()
    except EngineGone as error:
        return failure(
            f"The engine is unreachable ({error.name}): the Base Filtering Engine is not running.",
            "As an administrator: `sc.exe query BFE`, then `sc.exe start BFE`.",
            error_facts(error),
        )
    except AccessDenied as error:
        return failure(
            "The account may not open the engine, although by default every account may: the "
            "engine's permissions were changed.",
            "As an administrator, inspect them: `netsh wfp show security type=engine`.",
            error_facts(error),
        )
    except EngineError as error:
        return failure(
            f"The engine cannot be opened: {error}.",
            "Look up the error in Microsoft's documentation; if nothing else helps, restart the "
            "service BFE.",
            error_facts(error),
        )
    return ok("The engine can be opened.")


def unreadable(context: DoctorContext) -> CheckResult:
    """Check that no resource ended the server when it was read."""
    facts: Facts = {"deaths": {name: deaths.count for name, deaths in context.deaths.items()}}
    report = "Report the crash dump beside the log."
    if context.unreadable:
        return failure(
            f"Reading {', '.join(context.unreadable)} ended the server more than once, so it does "
            "not read that now.",
            f"{report} To let the server read the resource again, run `sa-contexts retry`.",
            facts,
        )
    if context.deaths:
        return warning(
            f"Reading {', '.join(context.deaths)} ended the server, which reads it again.",
            report,
            facts,
        )
    return ok("Reading the engine has not ended the server.", facts=facts)


def option_check(
    option: EngineOption, what: str, without: str, remedy: str
) -> Callable[[DoctorContext], CheckResult]:
    """Return a check that an option of the engine is enabled.

    Args:
        option: the option.
        what: what the engine does if the option is enabled, as an infinitive without "to".
        without: the consequence if the option is disabled.
        remedy: how to enable the option.
    """

    def check(context: DoctorContext) -> CheckResult:
        facts: Facts = {"option": option.name.lower()}
        with context.session() as opened:
            try:
                value = engine_option(opened, option)
            except NotSupported:
                return not_applicable("The engine has no such option.")
            except EngineError as error:
                if error.code == WinError.FWP_E_INVALID_ENUMERATOR:  # as in older Windows
                    return not_applicable("The engine has no such option.")
                return unknown(
                    f"The engine does not report whether it is set to {what}: {error}.",
                    facts=facts | error_facts(error),
                )
        facts["value"] = value
        if value is None:
            return unknown(
                f"The engine does not report whether it is set to {what}: it returned no number.",
                facts=facts,
            )
        if value == 0:
            return warning(f"The engine does not {what}: {without}.", remedy, facts)
        return ok(f"The engine is set to {what}.", facts=facts)

    return check


net_event_collection: Final = option_check(
    EngineOption.COLLECT_NET_EVENTS,
    "collect net events",
    "IKE failures and dropped packets are not shown",
    "As an administrator: `netsh wfp set options netevents=on`; it stays on.",
)
connection_monitoring: Final = option_check(
    EngineOption.MONITOR_IPSEC_CONNECTIONS,
    "track IPsec connections",
    "connections and their byte counts are not available",
    "As an administrator: `sa-contexts service enable-connection-monitoring`. It asks first, "
    "because WFP cannot switch this off again.",
)
