"""Windows console control events (SetConsoleCtrlHandler, consoleapi.h).

Python turns only Ctrl+C and Ctrl+Break into signals. Without a handler, the
process ends at once when the console is closed, the user logs off, Windows shuts
down or a container is stopped. This module handles these events and Ctrl+Break.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.library import windows_library


CTRL_BREAK_EVENT: Final = 1
CTRL_CLOSE_EVENT: Final = 2
CTRL_LOGOFF_EVENT: Final = 5
CTRL_SHUTDOWN_EVENT: Final = 6

LAST: Final = frozenset({CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT})
"""Windows ends the process as soon as a handler of one of these events returns."""
END_SECONDS: Final = 4.5
"""The time limit for handling an event in `LAST`. Windows allows at least 5 seconds."""


_routines: Final[list[Any]] = []
"""All registered callbacks. They are kept because one may still run after it is unregistered."""


@contextmanager
def console_events(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl+Break and on each event in `LAST`; do nothing outside Windows.

    `stop` runs on a system thread and must only set a flag. The handler of an event in `LAST`
    waits until the block ends, for at most `END_SECONDS`, so that the block can clean up before
    Windows ends the process.
    """
    if os.name != "nt":
        yield
        return
    ended = Event()

    def handle(event: int) -> int:
        if event != CTRL_BREAK_EVENT and event not in LAST:
            return 0  # leave the event to other handlers, such as Python's own for Ctrl+C
        stop()
        if event in LAST:
            ended.wait(END_SECONDS)
        return 1

    routine: Any = ffi.callback("PHANDLER_ROUTINE", handle)
    _routines.append(routine)
    kernel = windows_library("kernel32")
    kernel.SetConsoleCtrlHandler(routine, 1)
    try:
        yield
    finally:
        ended.set()
        kernel.SetConsoleCtrlHandler(routine, 0)
