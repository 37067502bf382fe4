"""A queue before the log, so that a disk or a terminal that hangs keeps no request waiting.

Entries become text where they are made, for only there it is known for which request; a thread
writes them. The queue is bounded: what finds no room is lost, and counted.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final, Literal

import structlog


log = structlog.get_logger(__name__)

MAX_ENTRIES: Final = 10_000
"""How many entries may wait to be written; some megabytes."""
BATCH_SECONDS: Final = 0.02
"""How long entries are gathered: being woken for each would cost more than it is to write it."""
CLOSE_SECONDS: Final = 2.0
"""How long what waits may take to be written at the end."""

SinkName = Literal["queue", "stream", "file", "event_log"]
"""Where entries can be lost; `queue`: for want of room there, or because they have no text."""
SINK_NAMES: Final[tuple[SinkName, ...]] = ("queue", "stream", "file", "event_log")


class Drops:
    """How many entries were lost, and where. Any thread may ask and count."""

    def __init__(self) -> None:
        self._counts: Counter[SinkName] = Counter()
        self._lock = Lock()

    def count(self, where: SinkName) -> None:
        """Count one."""
        with self._lock:
            self._counts[where] += 1

    def __getitem__(self, where: SinkName) -> int:
        return self._counts[where]


DROPPED: Final = Drops()
"""Those of this process, which has one log."""


class LogSink(logging.Handler):
    """What entries are written to. A failure to write is counted, and never raised.

    Attributes:
        where: the name under which it is counted.
    """

    where: SinkName

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's own
        """Count an entry that could not be written."""
        DROPPED.count(self.where)


class StreamSink(LogSink, logging.StreamHandler[Any]):
    """A stream, such as standard error."""

    where = "stream"


def _not_for_everybody(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


class FileSink(LogSink, RotatingFileHandler):
    """A file that is put aside when it is full; so many of these are kept.

    It is made so that its owner and the owner's group may read it; on Windows, who its folder says.

    On Windows a file cannot be put aside while another program, a viewer for instance, has it
    open. It then grows on, to twice what it should at most.
    """

    where = "file"

    def __init__(self, path: Path, max_bytes: int, count: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=count, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_not_for_everybody)

    def doRollover(self) -> None:  # noqa: N802  # logging's own
        """Put the file aside, if that can be done.

        Raises:
            OSError: it cannot, and the file may not grow further.
        """
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()
            if self.stream.tell() > 2 * self.maxBytes:
                raise


class LogQueue(logging.Handler):
    """Has entries written by a thread, in the order in which they come."""

    def __init__(self, sinks: Sequence[LogSink], max_entries: int = MAX_ENTRIES) -> None:
        """Begin.

        Args:
            sinks: what each entry is written to; they are closed with this.
            max_entries: how many may wait.
        """
        super().__init__()
        self._outlets = sinks
        self._most_entries = max_entries
        self._waiting: deque[logging.LogRecord | Event] = deque()
        self._has_some = Event()
        self._is_closing = Event()
        self._lost = 0
        self._thread = Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Let an entry wait for its turn; where there is no room, lose it."""
        if len(self._waiting) >= self._most_entries:
            self._lost += 1
            DROPPED.count("queue")
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # of whatever was to be logged
            DROPPED.count("queue")
            return
        event = record.msg.get("event") if isinstance(record.msg, dict) else None
        entry = logging.LogRecord(
            record.name, record.levelno, record.pathname, record.lineno, text, None, None
        )
        entry.event = event
        self._waiting.append(entry)
        self._has_some.set()

    def flush(self) -> None:
        """Wait until all is written, as far as that is soon done."""
        if self._thread.is_alive():
            is_written = Event()
            self._waiting.append(is_written)
            self._has_some.set()
            is_written.wait(CLOSE_SECONDS)

    def close(self) -> None:
        """Write what waits, as far as that is soon done, and end."""
        self._is_closing.set()
        self._has_some.set()
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            for outlet in self._outlets:
                outlet.close()
        super().close()

    def _write(self) -> None:
        while not self._is_closing.is_set():
            self._has_some.wait()
            self._is_closing.wait(BATCH_SECONDS)
            self._has_some.clear()
            self._write_what_waits()
        self._write_what_waits()

    def _write_what_waits(self) -> None:
        while self._waiting:
            entry = self._waiting.popleft()
            if isinstance(entry, Event):
                entry.set()
                continue
            for outlet in self._outlets:
                if entry.levelno >= outlet.level:
                    outlet.handle(entry)
        if self._lost:
            lost, self._lost = self._lost, 0
            log.warning("log_entries_lost", count=lost)
