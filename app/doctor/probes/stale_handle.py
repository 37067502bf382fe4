"""The question of how an enumeration handle is refused that was destroyed.

The handle is a context of the RPC runtime's, whose memory went with it: a
library may answer with a code, or end the process. So it is asked for in so
many words, and in a process of its own, whose end is the answer then. The
filter engine is in no danger: it sees the handle of a client that is gone.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.results import CheckResult
from app.schemas.doctor import Outcome
from bindings.errors import EngineError
from bindings.library import Library
from bindings.session import Session
from bindings.undocumented_behaviour import stale_handle_error


def stale_handle(subject: DoctorContext) -> CheckResult:
    """Which code an enumeration has whose handle was destroyed."""
    if not subject.may_probe:
        return CheckResult(
            Outcome.UNKNOWN,
            "No handle was used that was destroyed.",
            "Run this with `--probe`: a process of its own does it, which that could end.",
        )
    if subject.library is None:
        raise CheckSkipped("There is no library to ask: see `library`.")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        try:
            name, code = other.submit(_probe, subject.library.path).result()
        except BrokenProcessPool:
            return CheckResult(
                Outcome.OK,
                "A handle that was destroyed ends the process that uses it.",
                facts={"endsProcess": True},
            )
    return CheckResult(
        Outcome.OK,
        f"A handle that was destroyed is refused with {name}."
        if code
        else "A handle that was destroyed is taken all the same.",
        facts={"winError": code, "winErrorName": name},
    )


def _probe(path: Path) -> tuple[str | None, int | None]:
    """The name and the code of the refusal; runs in a process of its own."""
    try:
        with Session(Library(path)) as session:
            error = stale_handle_error(session)
    except EngineError as refused:
        error = refused
    return (error.name, error.code) if error else (None, None)
