"""Windows console control events (SetConsoleCtrlHandler, consoleapi.h).

Python turns only Ctrl+C and Ctrl+Break into signals. When the console is closed,
the user logs off or Windows shuts down (a stopped container, too), the process
just ends. This module handles those events, and Ctrl+Break.
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
"""Windows ends the process as soon as one of these is handled."""
END_SECONDS: Final = 4.5
"""Time limit for handling an event in `LAST`; Windows allows five seconds (HandlerRoutine)."""


_routines: Final[list[Any]] = []
"""Registered callbacks, kept alive because one may still be running when it is unregistered."""


@contextmanager
def console_events(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on a console event that ends the process; do nothing outside Windows.

    `stop` runs on a system thread and must only set a flag. An event in `LAST` is handled
    until the block ends, so that the block can clean up before Windows ends the process.
    """
    if os.name != "nt":
        yield
        return
    ended = Event()

    def handle(event: int) -> int:
        if event != CTRL_BREAK_EVENT and event not in LAST:
            return 0  # leave it to other handlers, such as Python's own for Ctrl+C
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
