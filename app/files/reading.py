"""Reading configuration files: regular, of bounded size, and within a deadline.

A path may lead to something that never answers or never ends: a FIFO, a device, a dead network
share, a disk image. Each read therefore opens without waiting, accepts regular files only, stops
beyond a maximum size, and runs in a daemon thread that is abandoned after `READ_SECONDS`. Until an
abandoned read returns, further reads of that path fail at once: a dead share costs one thread.
"""

from __future__ import annotations

import os
import stat
from concurrent.futures import Future
from pathlib import Path
from typing import Final, NamedTuple

from app.files.daemon_threads import start_daemon


READ_SECONDS: Final = 5.0
"""How long a read may take."""

# A FIFO would wait for its writer, and a terminal could become the process'. Windows has neither
# flag; opening its pipes and devices does not wait (CreateFileW, fileapi.h).
_OPEN_FLAGS: Final[int] = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

_abandoned: Final[dict[Path, Future[RegularFile]]] = {}
"""The last abandoned read of each path. Each access is a single dict operation."""


class FileUnreadable(Exception):
    """A file cannot be read; the message is the reason, without the path or any content."""


class RegularFile(NamedTuple):
    """A regular file's content and mode."""

    content: bytes
    mode: int


def read_file(path: Path, max_bytes: int) -> RegularFile:
    """Read a regular file of at most `max_bytes`.

    Raises:
        FileUnreadable: the file cannot be read, is not regular or is too large, or does not answer
            within `READ_SECONDS`.
    """
    abandoned = _abandoned.get(path)
    if abandoned is not None and not abandoned.done():
        raise _no_answer()
    _abandoned.pop(path, None)
    read = start_daemon(_read, path, max_bytes)
    try:
        return read.result(READ_SECONDS)
    except TimeoutError:
        _abandoned[path] = read
        raise _no_answer() from None
    except OSError as error:  # no thread could be started
        raise FileUnreadable(f"{error.strerror}") from None


def _no_answer() -> FileUnreadable:
    return FileUnreadable(f"it does not answer within {READ_SECONDS:g} s")


def _read(path: Path, max_bytes: int) -> RegularFile:
    try:
        with open(path, "rb", opener=_open) as file:  # `Path.open` takes no opener
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise FileUnreadable("it is not a regular file")
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise FileUnreadable(error.strerror or type(error).__name__) from None
    if len(content) > max_bytes:
        raise FileUnreadable(f"it is larger than {max_bytes:,} bytes")
    return RegularFile(content, mode)


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | _OPEN_FLAGS)
