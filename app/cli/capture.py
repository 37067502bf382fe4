"""`sa-contexts capture`: records the engine's answers in a file that the simulator can replay."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from app.cli.failures import explained_failures, fail
from app.cli.options import ContextsOption, EngineOption, given
from app.files.creation import create_file
from app.files.replacement import NotReplaceable, target_of
from app.server.uvicorn_server import exit_now
from app.service import ipv6_order_detector, open_library
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings.addresses import Ipv6Order
from bindings.errors import EngineError
from bindings.interfaces import interface_aliases
from bindings.library import Library
from bindings.sa_contexts import SaContexts
from bindings.services import has_services, service
from bindings.session import Session
from bindings.winerror import WinError, name_of


if TYPE_CHECKING:
    from bindings.capture.file import Line
    from bindings.capture.mask import LineMask

SERVICES: Final = ("BFE", "IKEEXT")


def capture(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The file to create; it must not exist.", dir_okay=False
        ),
    ],
    mask: Annotated[
        bool, typer.Option("--mask", help="Mask addresses and names, to share the capture.")
    ] = False,
    with_report: Annotated[
        bool, typer.Option("--report", help="Include the report of `sa-contexts doctor`.")
    ] = False,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """Capture all that the engine shows, but no keys, in a file that the simulator can replay.

    The file must not exist.
    """
    from app.doctor.context import DoctorContext  # noqa: PLC0415  # not loaded for `serve`
    from app.doctor.run import DoctorRun  # noqa: PLC0415
    from app.doctor.stand_ins import MaskedStandIns  # noqa: PLC0415
    from bindings.capture.file import compressed  # noqa: PLC0415
    from bindings.capture.mask import LineMask  # noqa: PLC0415
    from bindings.capture.record import record  # noqa: PLC0415

    if file.exists() or file.is_symlink():
        _fail_as_existing(file)
    failures: dict[str, int] = {}
    options = given(
        engine=engine,
        simulated_contexts=simulated_contexts,
        simulated_churn=0,
        simulated_net_events=0,
    )
    with explained_failures(NotReplaceable, OSError):
        settings = Settings(**options)
        configure_logging(settings.log_format, settings.log_level)
        library = open_library(settings)
        context = DoctorContext(options)
        context.library = library
        run = DoctorRun(context)
        report = run.report(is_masked=mask) if with_report else None
        ipv6_order = ipv6_order_detector(settings)
        with Session(
            library, transaction_wait_timeout_ms=settings.transaction_wait_timeout_ms
        ) as session:
            with suppress(EngineError):  # `record` captures each function's error
                ipv6_order.examine(SaContexts(session, ipv6_order=ipv6_order.order()))
            order = ipv6_order.order()
            content = compressed(
                _header(library, order, is_masked=mask),
                _lines(
                    None if report is None else report.model_dump(mode="json", by_alias=True),
                    record(session, interface_aliases()),
                    LineMask(MaskedStandIns(run.mask), order) if mask else None,
                    failures,
                ),
            )
            try:  # before the session closes, which can fail
                create_file(target_of(file), content)
            except FileExistsError:  # created meanwhile
                _fail_as_existing(file)
    typer.echo(f"wrote {len(content)} bytes to {file}")
    for function, code in failures.items():
        typer.echo(f"sa-contexts: {function} returned {name_of(code)} ({code})", err=True)
    if not mask:
        typer.echo("sa-contexts: its addresses and names are real; --mask masks them", err=True)
    if run.hangs:
        exit_now(0)


def _fail_as_existing(file: Path) -> NoReturn:
    fail(f"{file} exists: name another file")


def _lines(
    report: dict[str, Any] | None,
    answers: Iterator[Line],
    line_mask: LineMask | None,
    failures: dict[str, int],
) -> Iterator[Line]:
    """Yield the report, if any, and the answers, masked by `line_mask` if it is not None.

    Args:
        report: the report, already masked on request.
        answers: the recorded answers of the engine.
        line_mask: masks the answers.
        failures: receives the error code of each function that failed, except functions that this
            version of Windows lacks.
    """
    if report is not None:
        yield {"report": report}
    for line in answers:
        if "error" in line and line["error"] != WinError.RPC_S_PROCNUM_OUT_OF_RANGE:
            failures[line["function"]] = line["error"]
        yield line if line_mask is None else line_mask.line(line)


def _header(library: Library, ipv6_order: Ipv6Order, *, is_masked: bool) -> Line:
    from app.doctor.run import program_version  # noqa: PLC0415

    return {
        "version": program_version(),
        "takenAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "engine": library.kind.value,
        "isMasked": is_masked,
        "ipv6Order": ipv6_order.value,
        "services": dict(_services()),
        "functions": library.functions(),
    }


def _services() -> Iterator[tuple[str, Line | None]]:
    """Yield each service's name, with its state and start type as numbers, or None if unknown."""
    for name in SERVICES if has_services() else ():
        found = None
        with suppress(OSError):
            found = service(name)
        yield name, None if found is None else {"state": found.state, "start": found.start}
