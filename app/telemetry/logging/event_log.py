r"""Log entries that an administrator should see in the Windows Event Log.

They comprise all warnings and errors, and the entries named in `EVENTS` at any level. Event ids
never change, because rules and alerts depend on them (docs/audit.md).

pywin32, which the service needs anyway, wraps RegisterEventSourceW and ReportEventW. The message
file is Windows' own EventCreate.exe: its message for each id from 1 to 1000 is `%1`, the reported
text (learn.microsoft.com, "eventcreate"). It stays in place if Python or this program is moved or
updated. A message file of our own would need a resource compiler.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from app.telemetry.logging.audit import RepetitionLimit
from app.telemetry.logging.sinks import LogSink, SinkName


SOURCE: Final = "sa-contexts"
MESSAGE_FILE: Final = r"%SystemRoot%\System32\EventCreate.exe"

MAX_CHARACTERS: Final = 31_839
"""Maximum length of a ReportEventW string in characters, without its terminator."""


class EventType(IntEnum):
    """The severity of an event (ReportEventW, winnt.h)."""

    ERROR = 0x0001
    WARNING = 0x0002
    INFORMATION = 0x0004


class Category(IntEnum):
    """The category of an event. Categories have no texts, so viewers show their numbers."""

    LIFE = 1
    """The server's start and stop."""
    ENGINE = 2
    """The filter engine."""
    ACCESS = 3
    """Clients and credentials."""
    SERVER = 4
    """The server's own failures."""


class Event(NamedTuple):
    """The id and category of a log entry in the Event Log."""

    id: int
    category: Category


EVENTS: Final[Mapping[str, Event]] = MappingProxyType(
    {
        "listening": Event(100, Category.LIFE),
        "stopped": Event(101, Category.LIFE),
        "startup_failed": Event(102, Category.LIFE),
        "engine_hung": Event(103, Category.LIFE),
        "insecure_listener": Event(104, Category.LIFE),
        "simulated_engine": Event(105, Category.LIFE),
        "server_crashed_before": Event(106, Category.LIFE),
        "watchdog_exit": Event(107, Category.LIFE),
        "refresh_failed": Event(200, Category.ENGINE),
        "engine_recovered": Event(201, Category.ENGINE),
        "point_refresh_failed": Event(202, Category.ENGINE),
        "net_event_subscription_failed": Event(203, Category.ENGINE),
        "net_event_subscription_recovered": Event(204, Category.ENGINE),
        "statistics_failed": Event(205, Category.ENGINE),
        "ipv6_order_changed": Event(206, Category.ENGINE),
        "ipv6_order_undecided": Event(207, Category.ENGINE),
        "died_reading_engine": Event(208, Category.ENGINE),
        "engine_call_hangs": Event(209, Category.ENGINE),
        "certificate_store_unreadable": Event(210, Category.ENGINE),
        "tunnels_not_read": Event(211, Category.ENGINE),
        "requests_rejected": Event(300, Category.ACCESS),
        "issuer_unavailable": Event(301, Category.ACCESS),
        "api_keys_unreadable": Event(302, Category.ACCESS),
        "api_keys_reloaded": Event(303, Category.ACCESS),
        "api_keys_file_too_permissive": Event(304, Category.ACCESS),
        "certificate_not_reloaded": Event(305, Category.ACCESS),
        "certificate_reloaded": Event(306, Category.ACCESS),
        "certificate_expires_soon": Event(307, Category.ACCESS),
        "certificate_expired": Event(308, Category.ACCESS),
        "api_keys_rejected": Event(309, Category.ACCESS),
        "credentials_accepted": Event(310, Category.ACCESS),
        "connections_rejected": Event(311, Category.ACCESS),
        "request_failed": Event(400, Category.SERVER),
        "log_entries_dropped": Event(401, Category.SERVER),
        "log_entries_withheld": Event(402, Category.SERVER),
    }
)
"""Events by the name of the log entry."""

OTHERS: Final[Mapping[EventType, Event]] = MappingProxyType(
    {
        EventType.WARNING: Event(900, Category.SERVER),
        EventType.ERROR: Event(901, Category.SERVER),
    }
)
"""The events of warnings and errors that have no id of their own."""


class EventLogSink(LogSink):
    """Reports entries to the Event Log of this machine.

    `logging.handlers.NTEventLogHandler` needs pywin32, too. At each start, it would also register
    the source with another message file, and only an administrator may do that.
    """

    sink_name: SinkName = "event_log"

    def __init__(self, library: Any = None) -> None:
        """Initialize the sink; the first reported entry opens the source.

        Args:
            library: pywin32's `win32evtlog`; None: import it.
        """
        super().__init__()
        self._limit = RepetitionLimit(self.sink_name)
        self._library = library
        self._source: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        """Report an entry that has an event, unless it recurs too often; ignore other entries."""
        event_type = _type_of(record.levelno)
        event = EVENTS.get(getattr(record, "event", None) or "") or OTHERS.get(event_type)
        if event is None or not self._limit.filter(record):
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
        except Exception:  # noqa: BLE001  # whatever pywin32 or the import raises
            self.handleError(record)

    def close(self) -> None:
        """Close the source."""
        if self._source is not None:
            self._library.DeregisterEventSource(self._source)
            self._source = None
        super().close()


def _type_of(level: int) -> EventType:
    if level >= logging.ERROR:
        return EventType.ERROR
    return EventType.WARNING if level >= logging.WARNING else EventType.INFORMATION


def add_source(library: Any = None) -> None:
    """Register the event source, which an administrator must do once.

    Args:
        library: pywin32's `win32evtlogutil`; None: import it.

    Raises:
        pywintypes.error: the account lacks the right.
    """
    library = library or importlib.import_module("win32evtlogutil")
    library.AddSourceToRegistry(SOURCE, MESSAGE_FILE, "Application", sum(EventType))


def remove_source(library: Any = None) -> None:
    """Unregister the event source, if it is registered; its events stay in the log.

    Args:
        library: pywin32's `win32evtlogutil`; None: import it.

    Raises:
        pywintypes.error: the account lacks the right.
    """
    library = library or importlib.import_module("win32evtlogutil")
    library.RemoveSourceFromRegistry(SOURCE, "Application")
