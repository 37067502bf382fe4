"""The events of a Windows console (SetConsoleCtrlHandler, consoleapi.h).

Python takes Ctrl+C and Ctrl+Break for signals, and nothing else: when a console
is closed, a user logs off or Windows shuts down, as it does in a container that
is told to stop, the process just ends. So these are listened to here, and
Ctrl+Break with them.
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
"""After these, Windows ends the process as soon as the event is handled."""
END_SECONDS: Final = 4.5
"""How long handling such an event may last; Windows waits five seconds (HandlerRoutine)."""


_routines: Final[list[Any]] = []
"""What the system was given to call, which may still be returning when it is taken back."""


@contextmanager
def console_events(stop: Callable[[], None]) -> Iterator[None]:
    """Have `stop` called when a console's event is to end the process; outside Windows, nothing.

    It is called on a thread of the system's, and should do no more than to say that
    it was. An event after which the process ends is not done with before the block ends.
    """
    if os.name != "nt":
        yield
        return
    ended = Event()

    def handle(event: int) -> int:
        if event != CTRL_BREAK_EVENT and event not in LAST:
            return 0  # another handler's, such as Python's own for Ctrl+C
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
