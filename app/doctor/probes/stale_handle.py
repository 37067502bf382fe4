"""The probe of the error code for a destroyed enumeration handle.

The handle is an RPC context handle, whose memory is freed when the handle is destroyed. A later use
may return an error code or crash the process. The probe therefore runs only on request and in a
separate process, whose crash is a valid result. A crash does not endanger the filter engine, which
only sees a client disconnect.
"""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, ok, unknown
from app.schemas.hexadecimal import hex32
from bindings.errors import EngineError
from bindings.library import Library
from bindings.session import Session
from bindings.undocumented_behaviour import stale_handle_error


TIMEOUT_SECONDS: Final = 30
"""How long the separate process may take, most of it for its start."""


def stale_handle(context: DoctorContext) -> CheckResult:
    """Find out which error the use of a destroyed enumeration handle causes."""
    if not context.may_probe:
        return unknown(
            "The doctor did not test the use of a destroyed enumeration handle.",
            "Run the doctor with `--probe`, which uses one in a separate process because that "
            "process may crash.",
        )
    path = context.loaded_library().path
    spawn = get_context("spawn")
    results, result = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_probe, args=(path, result), daemon=True)
    process.start()
    result.close()  # so that the end of the process closes the pipe
    try:
        if not results.poll(TIMEOUT_SECONDS):
            return unknown(
                f"The test of a destroyed enumeration handle did not end in {TIMEOUT_SECONDS} s."
            )
        name, code = results.recv()
    except EOFError:
        return ok("Using a destroyed handle crashes the process.", facts={"endsProcess": True})
    finally:
        results.close()
        process.kill()
        process.join()
    return ok(
        f"A destroyed handle is rejected with {name}."
        if code
        else "A destroyed handle is accepted.",
        facts={
            "winError": code,
            "winErrorHex": None if code is None else hex32(code),
            "winErrorName": name,
        },
    )


def _probe(path: Path, result: Connection) -> None:
    """Send the error's name and code, or None for both; runs in the separate process."""
    try:
        with Session(Library(path)) as session:
            error = stale_handle_error(session)
    except EngineError as other_error:
        error = other_error
    result.send((error.name, error.code) if error else (None, None))
