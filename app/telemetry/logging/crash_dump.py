"""The crash dump: the Python stacks of all threads, written while the process dies.

`faulthandler` writes it from a signal handler, on Windows from an exception handler, and so can
use neither the log's queue nor its rotation: it needs an open file of its own. That is standard
error or, if the log has a file, the file beside it with the suffix `.crash`, which the next
process renames to `.crash.1`. A dump has the names of files and functions, and no values.
"""

from __future__ import annotations

import faulthandler
import os
import re
import sys
from pathlib import Path
from typing import Final

import structlog


log = structlog.get_logger(__name__)

SUFFIX: Final = ".crash"
MAX_BYTES: Final = 1 << 20
"""How much of a dump is read; it has at most 100 threads of 100 frames."""

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_CURRENT: Final = re.compile(rb"^Current thread 0x([0-9a-f]{1,16})", re.MULTILINE)


def write_crash_dumps(log_file: Path | None) -> int | None:
    """Have crashes of this process dumped; log that the last process left a dump.

    Args:
        log_file: the log's file; None: dumps go to standard error, if there is one.

    Returns:
        The thread that crashed the last process; None if it left no dump.
    """
    if log_file is None:
        if sys.__stderr__ is not None:
            faulthandler.enable(sys.__stderr__)
        return None
    path = log_file.with_name(log_file.name + SUFFIX)
    try:
        thread = _keep_last(path)
        descriptor = os.open(path, _FLAGS, 0o640)  # closed by the end of the process
    except OSError as error:
        log.warning("crash_dump_unwritable", file=str(path), reason=error.strerror)
        return None
    faulthandler.enable(descriptor)
    return thread


def crashed_thread(dump: bytes) -> int | None:
    """Return the thread that crashed, as `threading.get_ident` numbers it; None if unknown.

    If there are several dumps, the last counts: Windows may have handled the exceptions of others.
    """
    threads = _CURRENT.findall(dump)
    return int(threads[-1], 16) if threads else None


def _keep_last(path: Path) -> int | None:
    """Move the last process' dump aside, and return the thread that crashed."""
    try:
        with path.open("rb") as file:
            dump = file.read(MAX_BYTES)
    except FileNotFoundError:
        return None
    if not dump:
        return None
    kept = path.with_name(path.name + ".1")
    path.replace(kept)
    log.error("server_crashed_before", dump=str(kept))
    return crashed_thread(dump)
