"""The log's bounded queue and its sinks: a disk or terminal that hangs does not delay requests.

How an entry is written: the thread that logs an entry also formats and queues it, because only
that thread knows the request. A single other thread writes the queued entries to all sinks. If the
queue is full or a sink fails, the entry is dropped and counted. `logging.handlers.QueueListener` is
not used: it cannot be flushed, wakes its thread for each entry, and waits for a hanging sink when
it stops.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from time import sleep
from typing import Any, Final, Literal, get_args

import structlog
from prometheus_client import Counter


log = structlog.get_logger(__name__)

MAX_ENTRIES: Final = 10_000
"""Capacity of the queue in entries, which take some megabytes."""
BATCH_SECONDS: Final = 0.02
"""Pause after a batch of entries: waking the thread per entry would cost more than writing."""
CLOSE_SECONDS: Final = 2.0
"""How long flushing or closing may take."""

SinkName = Literal["queue", "stream", "file", "audit", "event_log"]
"""Where an entry was dropped; `queue`: the queue was full, or the entry could not be formatted."""


DROPPED: Final = Counter(
    "sa_contexts_log_entries_dropped",
    "Log entries dropped, by the queue or sink that dropped them.",
    ["sink"],
    registry=None,
)
"""Counts the dropped entries of this process, which has only one log."""
for _name in get_args(SinkName):
    DROPPED.labels(_name)


class LogSink(logging.Handler):
    """A destination of entries. A failed write is counted, never raised.

    Attributes:
        sink_name: the name under which drops are counted.
    """

    sink_name: SinkName

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's own
        """Count an entry that could not be written."""
        DROPPED.labels(self.sink_name).inc()


class StreamSink(LogSink, logging.StreamHandler[Any]):
    """A stream, such as standard error."""

    sink_name = "stream"


def _open_not_world_readable(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


class FileSink(LogSink, RotatingFileHandler):
    """A rotating file.

    The file is readable by its owner and group; on Windows, it inherits the folder's DACL. While
    another program, such as a viewer, has the file open, Windows cannot rotate it; the file then
    grows to at most twice its maximum size.
    """

    sink_name: SinkName = "file"

    def __init__(self, path: Path, max_bytes: int, count: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=count, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_not_world_readable)

    def doRollover(self) -> None:  # noqa: N802  # logging's own
        """Rotate the file; if it cannot be rotated, continue to write to it.

        Raises:
            OSError: the file cannot be rotated and exceeds twice its maximum size.
        """
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()
            if self.stream.tell() > 2 * self.maxBytes:
                raise


class LogQueue(logging.Handler):
    """A handler that queues entries; its thread writes them to the sinks in order."""

    def __init__(
        self,
        sinks: Sequence[LogSink],
        max_entries: int = MAX_ENTRIES,
        preferred: Container[str] = (),
    ) -> None:
        """Start the thread.

        Args:
            sinks: the destinations of each entry; `close` closes them.
            max_entries: the capacity of the queue.
            preferred: the events that may use as much again when the queue is full.
        """
        super().__init__()
        self._sinks = sinks
        self._max_entries = max_entries
        self._preferred = preferred
        self._queue: SimpleQueue[logging.LogRecord | Event | None] = SimpleQueue()
        self._dropped = 0
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue an entry; drop it if the queue is full or the entry cannot be formatted."""
        event = record.msg.get("event") if isinstance(record.msg, dict) else None
        capacity = self._max_entries * (2 if event in self._preferred else 1)
        if self._queue.qsize() >= capacity:
            self._dropped += 1
            DROPPED.labels("queue").inc()
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # formatting may fail with anything
            DROPPED.labels("queue").inc()
            return
        entry = logging.LogRecord(
            record.name, record.levelno, record.pathname, record.lineno, text, None, None
        )
        entry.event = event
        self._queue.put(entry)

    def flush(self) -> None:
        """Wait until all queued entries are written, for at most `CLOSE_SECONDS`."""
        if self._thread.is_alive():
            is_written = Event()
            self._queue.put(is_written)
            is_written.wait(CLOSE_SECONDS)

    def close(self) -> None:
        """Write the queued entries; close the sinks if this ends within `CLOSE_SECONDS`."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            for sink in self._sinks:
                sink.close()
        super().close()

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, Event):
                entry.set()
                continue
            for sink in self._sinks:
                if entry.levelno >= sink.level:
                    sink.handle(entry)
            if self._queue.empty():
                self._log_drops()
                sleep(BATCH_SECONDS)
        self._log_drops()

    def _log_drops(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("log_entries_dropped", count=dropped)
