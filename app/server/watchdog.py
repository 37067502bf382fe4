"""The watchdog: reports calls of the engine that hang, and can end a process that hangs.

How a hang is detected: a thread checks each second whether the event loop has run since, and
whether the oldest call of the engine is still the same. It counts checks instead of reading a
clock, because a host that was suspended, or a process that was stopped, did not hang.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from threading import Event, get_ident
from typing import Final, NoReturn

import anyio
import structlog

from app.files.daemon_threads import start_daemon
from app.server.uvicorn_server import exit_now
from bindings.library import UnfinishedCall


log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
"""Pause between checks."""
EXIT_SECONDS: Final = 3.0
"""How long logging the reason may take: what hangs may be a sink of the log."""
HUNG: Final = 4
"""Exit status of a process that hung. A Windows service does not report that it stopped, so that
the service control manager treats its end as a failure (SERVICE_FAILURE_ACTIONSW, winsvc.h)."""


class Watchdog:
    """Watches the event loop that `run` runs in, and the calls of the engine."""

    def __init__(
        self,
        oldest_call: Callable[[], UnfinishedCall | None],
        *,
        report_seconds: float,
        exit_seconds: float,
        end: Callable[[str, float], object] | None = None,
    ) -> None:
        """Create a watchdog that does not watch yet.

        Args:
            oldest_call: returns the unfinished call of the engine that started first.
            report_seconds: how long a call may take before it is logged.
            exit_seconds: how long the loop or a call may hang before the process ends; 0: for ever.
            end: ends the process, given what hangs and for how long; None: `end_process`.
        """
        self._oldest_call = oldest_call
        self._report_seconds = report_seconds
        self._exit_seconds = exit_seconds
        self._end = end or end_process
        self._engine, self._loop = _Stall(), _Stall()
        self._beats = 0
        self._loop_thread = get_ident()

    async def run(self) -> None:
        """Watch until cancelled."""
        is_over = Event()
        self._loop_thread = get_ident()
        start_daemon(self._check_until, is_over)
        try:
            while True:
                self.beat()
                await anyio.sleep(CHECK_SECONDS)
        finally:
            is_over.set()

    def beat(self) -> None:
        """Record that the event loop runs."""
        self._beats += 1

    def check(self) -> None:
        """Report or end what has hung for too long; call this every `CHECK_SECONDS`."""
        call = self._oldest_call()
        if call is not None:
            seconds = self._engine.check(call)
            if 0 <= seconds - self._report_seconds < CHECK_SECONDS:  # once for each call
                log.warning("engine_call_hangs", function=call.function, seconds=seconds)
            if self._is_too_long(seconds):
                self._end(call.function, seconds)
        if self._is_too_long(seconds := self._loop.check(self._beats)):
            self._end(_place(self._loop_thread), seconds)

    def _check_until(self, is_over: Event) -> None:
        while not is_over.wait(CHECK_SECONDS):
            self.check()

    def _is_too_long(self, seconds: float) -> bool:
        return 0 < self._exit_seconds <= seconds


class _Stall:
    """Counts for how long consecutive checks have found the same."""

    def __init__(self) -> None:
        self._found: object = None
        self._seconds = 0.0

    def check(self, found: object) -> float:
        """Return for how many seconds the checks have found this."""
        self._seconds = self._seconds + CHECK_SECONDS if found == self._found else 0.0
        self._found = found
        return self._seconds


def end_process(hung: str, seconds: float) -> NoReturn:
    """Log what hangs, and end the process with the status `HUNG`."""

    def log_and_exit() -> NoReturn:
        log.critical("watchdog_exit", hung=hung, seconds=seconds)
        exit_now(HUNG)

    with suppress(TimeoutError):
        start_daemon(log_and_exit).result(EXIT_SECONDS)
    os._exit(HUNG)


def _place(thread: int) -> str:
    """Return where a thread is: its innermost function, file and line."""
    frame = sys._current_frames()[thread]  # noqa: SLF001  # documented, despite its name
    innermost = traceback.extract_stack(frame)[-1]
    return f"{innermost.name} ({innermost.filename}:{innermost.lineno})"
