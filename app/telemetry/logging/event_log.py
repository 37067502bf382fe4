r"""Windows' Event Log, as far as an administrator is to be told there without asking.

That is whatever is a warning or worse, and the entries named in `EVENTS` however severe. The
ids stay: rules and alerts are made of them (docs/audit.md).

pywin32 reaches the functions (RegisterEventSourceW, ReportEventW); the service needs it anyway.
The texts of events live in a message file. Ours is Windows' own EventCreate.exe, which has
`%1`, the text that is reported, as the text of each id from 1 to 1000 (learn.microsoft.com,
"eventcreate"): it stays where it is when Python or this program moves or is updated, and no
resource compiler is needed.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from app.telemetry.logging.sinks import LogSink


SOURCE: Final = "sa-contexts"
MESSAGE_FILE: Final = r"%SystemRoot%\System32\EventCreate.exe"

MAX_CHARACTERS: Final = 31_839
"""What ReportEventW takes of one string, terminator not counted."""


class EventType(IntEnum):
    """How severe an event is (ReportEventW, winnt.h)."""

    ERROR = 0x0001
    WARNING = 0x0002
    INFORMATION = 0x0004


class Category(IntEnum):
    """What an event is about. They have no texts: viewers show the number."""

    LIFE = 1
    """The server begins, ends, or cannot."""
    ENGINE = 2
    """The filter engine, and what is read of it."""
    ACCESS = 3
    """Who asks, and by which credentials."""
    SERVER = 4
    """The server's own failures."""


class Event(NamedTuple):
    """How an entry of the log is reported."""

    id: int
    category: Category


EVENTS: Final[Mapping[str, Event]] = MappingProxyType(
    {
        "listening": Event(100, Category.LIFE),
        "stopped": Event(101, Category.LIFE),
        "cannot_start": Event(102, Category.LIFE),
        "engine_hangs": Event(103, Category.LIFE),
        "insecure": Event(104, Category.LIFE),
        "simulated_engine": Event(105, Category.LIFE),
        "drain_failed": Event(200, Category.ENGINE),
        "engine_answers_again": Event(201, Category.ENGINE),
        "look_failed": Event(202, Category.ENGINE),
        "net_events_unheard": Event(203, Category.ENGINE),
        "net_events_heard_again": Event(204, Category.ENGINE),
        "statistics_failed": Event(205, Category.ENGINE),
        "requests_refused": Event(300, Category.ACCESS),
        "issuer_unavailable": Event(301, Category.ACCESS),
        "keys_not_read": Event(302, Category.ACCESS),
        "keys_read": Event(303, Category.ACCESS),
        "keys_open_to_others": Event(304, Category.ACCESS),
        "certificate_not_reloaded": Event(305, Category.ACCESS),
        "certificate_reloaded": Event(306, Category.ACCESS),
        "certificate_expires_soon": Event(307, Category.ACCESS),
        "certificate_expired": Event(308, Category.ACCESS),
        "keys_rejected": Event(309, Category.ACCESS),
        "request_failed": Event(400, Category.SERVER),
        "log_entries_lost": Event(401, Category.SERVER),
    }
)
"""By the entry's name."""

OTHERS: Final[Mapping[EventType, Event]] = MappingProxyType(
    {
        EventType.WARNING: Event(900, Category.SERVER),
        EventType.ERROR: Event(901, Category.SERVER),
    }
)
"""Of what is a warning or worse, and has no id of its own."""


class EventLogSink(LogSink):
    """Reports entries to the Event Log of this machine."""

    where = "event_log"

    def __init__(self, library: Any = None) -> None:
        """Be ready; the source is opened with the first event.

        Args:
            library: pywin32's `win32evtlog`, imported if not given.
        """
        super().__init__()
        self._library = library
        self._source: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        """Report an entry, if it is one to be reported."""
        event_type = _type_of(record.levelno)
        event = EVENTS.get(getattr(record, "event", None) or "") or OTHERS.get(event_type)
        if event is None:
            return
        try:
            if self._library is None:
                self._library = importlib.import_module("win32evtlog")
            if self._source is None:
                self._source = self._library.RegisterEventSource(None, SOURCE)
            text = record.getMessage()[:MAX_CHARACTERS]
            self._library.ReportEvent(
                self._source, event_type, event.category, event.id, None, [text], None
            )
        except Exception:  # noqa: BLE001  # pywin32's, the import's: nothing may stop the server
            self.handleError(record)

    def close(self) -> None:
        """Let go of the source."""
        if self._source is not None:
            self._library.DeregisterEventSource(self._source)
            self._source = None
        super().close()


def _type_of(level: int) -> EventType:
    if level >= logging.ERROR:
        return EventType.ERROR
    return EventType.WARNING if level >= logging.WARNING else EventType.INFORMATION


def add_source(library: Any = None) -> None:
    """Tell Windows of the source of these events; to be done once, by an administrator.

    Args:
        library: pywin32's `win32evtlogutil`, imported if not given.

    Raises:
        pywintypes.error: the account may not.
    """
    library = library or importlib.import_module("win32evtlogutil")
    library.AddSourceToRegistry(SOURCE, MESSAGE_FILE, "Application", sum(EventType))


def remove_source(library: Any = None) -> None:
    """Take that back, if it was told; events stay in the log.

    Args:
        library: pywin32's `win32evtlogutil`, imported if not given.

    Raises:
        pywintypes.error: the account may not.
    """
    library = library or importlib.import_module("win32evtlogutil")
    library.RemoveSourceFromRegistry(SOURCE, "Application")
