"""The file of a server's call notes (`bindings.call_notes`): where it is, and who may use it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import structlog
from filelock import FileLock, Timeout

from app.settings.file import settings_file
from app.settings.model import Settings
from app.settings.paths import state_folder
from bindings.call_notes import NOTES


log = structlog.get_logger(__name__)

SUFFIX: Final = ".calls"


def service_log_file() -> Path:
    """Return the default log file of the Windows service.

    It is in the folder that `service install` created, beside the settings: `state_folder()`
    depends on the environment.
    """
    found = settings_file()
    return (found.parent if found else state_folder()) / "logs" / "sa-contexts.log"


def call_notes_file(settings: Settings, log_file: Path | None = None) -> Path | None:
    """Return the file of the server with these settings.

    Args:
        settings: the server's settings.
        log_file: the server's log file, if it is not that of the settings.

    Returns:
        The configured file; else the file beside the log file; else, in the user's state folder,
        the file of the address and the port. None for any free port, which identifies no server.
    """
    if settings.call_notes_file is not None:
        return settings.call_notes_file
    if (log_file := log_file or settings.log_file) is not None:
        return log_file.with_name(log_file.name + SUFFIX)
    if settings.port == 0:
        return None
    address = settings.host.replace(":", ".")
    return _user_folder() / f"{address}-{settings.port}{SUFFIX}"


def existing_call_notes_file(settings: Settings) -> Path | None:
    """Return the file that a server with these settings has used, run as a service or not."""
    logs = (service_log_file(), None) if settings.log_file is None else (None,)
    files = (call_notes_file(settings, log_file) for log_file in logs)
    return next((file for file in files if file is not None and file.is_file()), None)


@contextmanager
def call_notes(file: Path | None, crashed_thread: int | None) -> Iterator[None]:
    """Note this process' reads of the engine for the duration of the block.

    The server also works without notes: if there is no file, another server uses it, or it cannot
    be opened.

    Args:
        file: see `call_notes_file`.
        crashed_thread: the thread that crashed the last process, if it left a crash dump.
    """
    with ExitStack() as stack:
        if file is not None:
            try:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(FileLock(f"{file}.lock", timeout=0))
                _open(file, crashed_thread)
                stack.callback(NOTES.end)
            except (OSError, Timeout) as error:
                log.warning("call_notes_unavailable", file=str(file), reason=str(error))
        yield


def _open(file: Path, crashed_thread: int | None) -> None:
    died_reading = NOTES.open(file, crashed_thread)
    deaths = NOTES.deaths()
    for resource in died_reading:
        log.error(
            "died_reading_engine",
            resource=resource,
            deaths=deaths[resource].count,
            unreadable_seconds=round(NOTES.seconds_unreadable(resource)),
        )


def _user_folder() -> Path:
    """Return the state folder of this user; on Windows, the machine's is the administrators'."""
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "sa-contexts"
    return state_folder()
