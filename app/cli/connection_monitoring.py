"""`sa-contexts service enable-connection-monitoring`: set an option of the engine, once confirmed.

No other code of this program changes the engine.
"""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from app.cli.failures import explained_failures, fail
from app.cli.options import EngineOption, given
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings import connection_monitoring, engine_options
from bindings.account import account
from bindings.errors import AccessDenied, EngineError, EngineGone, NotSupported, TransactionTimeout
from bindings.library import EngineKind, Library, find_library
from bindings.session import Session
from bindings.winerror import WinError


NOTICE: Final = """\
If the engine tracks IPsec connections, it keeps the state of each, logs when
one begins or ends, and notifies the programs that subscribe to these events.
- What this costs is not documented, and was not measured for this program.
- It cannot be switched off: WFP rejects that (FWP_E_STILL_ON).
- Whether it stays on when Windows restarts is not documented.
- Connections that exist already may not appear: only new ones are documented
  to be logged.
"""
"""What Microsoft does and does not document (FWPM_ENGINE_OPTION, FwpmEngineSetOption0)."""

RIGHTS: Final = {
    "FwpmEngineOpen0": "FWPM_ACTRL_OPEN",
    "FwpmEngineGetOption0": "FWPM_ACTRL_READ",
    "FwpmEngineSetOption0": "FWPM_ACTRL_WRITE",
}
"""The right on the engine that each function needs (fwpmu.h)."""


def enable_connection_monitoring(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    engine: EngineOption = None,
) -> None:
    """Let the engine track IPsec connections from now on. Requires administrator rights.

    Windows does not do so by default, so `/connections` is empty and peers have no byte counts.
    The command explains the consequences and asks for confirmation: WFP cannot switch it off.
    """
    with explained_failures(OSError):
        caller = account()
        if caller is not None and not caller.is_administrator:
            fail("only an administrator may change this: run it in an elevated PowerShell")
        settings = Settings(**given(engine=engine))
        configure_logging(settings.log_format, settings.log_level)
        library = Library(find_library(settings.engine, settings.library))
        try:
            _enable(library, settings.transaction_wait_timeout_ms, is_confirmed=yes)
        except EngineError as error:
            fail(_explained(error))


def _enable(library: Library, timeout_ms: int, *, is_confirmed: bool) -> None:
    if _value(library, timeout_ms):
        typer.echo("The engine already tracks IPsec connections; nothing was changed.")
        return
    typer.echo(NOTICE)
    if library.kind is EngineKind.SIMULATOR:
        typer.echo("This engine is a simulator: the change ends with this command.\n")
    if not is_confirmed:
        _confirm()
    connection_monitoring.enable_connection_monitoring(
        library, transaction_wait_timeout_ms=timeout_ms
    )
    if _value(library, timeout_ms) == 0:
        fail("the engine accepted the change, but still does not track connections")
    typer.echo("The engine now tracks IPsec connections. A running server shows new ones.")


def _value(library: Library, timeout_ms: int) -> int | None:
    """Return the option's value; None if it is not a FWP_UINT32."""
    with Session(library, transaction_wait_timeout_ms=timeout_ms) as session:
        option = engine_options.EngineOption.MONITOR_IPSEC_CONNECTIONS
        return engine_options.engine_option(session, option)


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _confirm() -> None:
    if not _has_terminal():
        fail("there is no terminal to ask for confirmation; --yes confirms")
    if not typer.confirm("Track IPsec connections on this host?"):
        fail("not confirmed; nothing was changed")


def _explained(error: EngineError) -> str:
    """Return one sentence about an error of the engine."""
    match error:
        case AccessDenied():
            return (
                f"the account lacks {RIGHTS.get(error.function, 'a right')} on the engine, which "
                "administrators have by default: inspect the permissions with "
                "`netsh wfp show security type=engine`"
            )
        case NotSupported() | EngineError(code=WinError.FWP_E_INVALID_ENUMERATOR):
            return (
                "this version of Windows cannot track connections: Windows 8 and Windows Server "
                "2012 are the first that can"
            )
        case EngineGone():
            return f"the engine is unreachable ({error.name}): inspect it with `sc.exe query BFE`"
        case TransactionTimeout():
            return "another program has kept a transaction open for too long: try again"
        case EngineError(code=WinError.FWP_E_DYNAMIC_SESSION_IN_PROGRESS):
            return (
                "the engine treats the session as dynamic, although it is not, and sets no options "
                "in such a session"
            )
        case _:
            return str(error)
