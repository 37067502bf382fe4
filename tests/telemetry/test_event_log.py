"""The Windows Event Log, through a substitute for pywin32's `win32evtlog`."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.telemetry.logging import event_log
from app.telemetry.logging.configuration import configure_logging
from app.telemetry.logging.event_log import EVENTS, OTHERS, EventLogSink
from app.telemetry.logging.sinks import LogQueue
from tests.telemetry.drops import drops


# winnt.h
EVENTLOG_ERROR_TYPE, EVENTLOG_WARNING_TYPE, EVENTLOG_INFORMATION_TYPE = 1, 2, 4

AUDIT = Path(__file__).parents[2] / "docs" / "audit.md"

log = structlog.get_logger(__name__)


class EventLog:
    """pywin32's functions, as documented."""

    def __init__(self) -> None:
        self.reported: list[tuple[int, int, int, str]] = []
        self.sources: list[str] = []
        self.fails = False

    def RegisterEventSource(self, server: str | None, source: str) -> str:  # noqa: N802
        assert server is None
        self.sources.append(source)
        return source

    def ReportEvent(  # noqa: N802
        self,
        handle: str,
        event_type: int,
        category: int,
        event_id: int,
        user: None,
        strings: list[str],
        raw: None,
    ) -> None:
        assert (handle, user, raw) == (self.sources[-1], None, None)
        if self.fails:
            raise OSError(1500, "ReportEvent", "The event log file is corrupted.")
        (text,) = strings
        self.reported.append((event_type, category, event_id, text))

    def DeregisterEventSource(self, handle: str) -> None:  # noqa: N802
        self.sources.remove(handle)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLog]:
    library = EventLog()
    monkeypatch.setattr(
        "app.telemetry.logging.configuration.EventLogSink", lambda: EventLogSink(library)
    )
    configure_logging("text", "info", io.StringIO(), event_log=True)
    yield library
    configure_logging("json", "debug")
    assert library.sources == []


def test_warnings_and_what_is_named_are_reported(library: EventLog) -> None:
    log.info("listening", url="http://127.0.0.1:8080")
    log.info("request", path="/sa-contexts")
    log.warning("refresh_failed", error="access denied\n2026 [info] forged")
    log.warning("of_no_name")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    logging.getLogger().handlers[0].flush()

    assert library.sources == ["sa-contexts"]
    assert [(kind, category, number) for kind, category, number, _ in library.reported] == [
        (EVENTLOG_INFORMATION_TYPE, 1, 100),
        (EVENTLOG_WARNING_TYPE, 2, 200),
        (EVENTLOG_WARNING_TYPE, 4, 900),
        (EVENTLOG_ERROR_TYPE, 4, 901),
    ]
    texts = [text for *_, text in library.reported]
    assert "url=http://127.0.0.1:8080" in texts[0]
    assert all(text.isprintable() for text in texts)


def test_no_credential_is_reported(library: EventLog) -> None:
    key = "sak_0123456789ab_" + "A" * 43
    log.warning("api_keys_unreadable", reason=f"Bearer {key}")
    logging.getLogger().handlers[0].flush()

    ((*_, text),) = library.reported
    assert "AAAA" not in text
    assert "api_keys_unreadable" in text


def test_a_text_is_no_longer_than_an_event_can_be(library: EventLog) -> None:
    log.warning("refresh_failed", errors=["x" * 1000] * 100)
    logging.getLogger().handlers[0].flush()

    ((*_, text),) = library.reported
    assert len(text) == 31_839  # "lpStrings", ReportEventW, learn.microsoft.com


def test_a_failure_is_counted_and_hurts_nobody(library: EventLog) -> None:
    library.fails = True
    before = drops("event_log")
    log.warning("refresh_failed")
    logging.getLogger().handlers[0].flush()
    assert drops("event_log") == before + 1

    library.fails = False
    log.warning("refresh_failed")
    logging.getLogger().handlers[0].flush()
    assert len(library.reported) == 1


def test_a_machine_without_event_log_is_a_failure_that_is_counted() -> None:
    before = drops("event_log")
    queue = LogQueue([EventLogSink()])  # there is no win32evtlog here
    logger = logging.Logger("test")  # noqa: LOG001  # of no hierarchy
    logger.addHandler(queue)
    logger.warning("anything")
    queue.close()
    assert drops("event_log") == before + 1


def test_ids_are_within_those_that_the_message_file_has() -> None:
    numbers = [event.id for event in (*EVENTS.values(), *OTHERS.values())]

    assert len(set(numbers)) == len(numbers)
    assert all(1 <= number <= 1000 for number in numbers)  # "eventcreate", learn.microsoft.com


def test_ids_are_documented() -> None:
    rows = re.findall(
        r"^\| (\d+) \| `(\w+)` \| (\d) \|", AUDIT.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert {name: (int(number), int(category)) for number, name, category in rows} == {
        name: tuple(event) for name, event in EVENTS.items()
    }


def test_every_name_is_one_that_is_logged_or_reserved() -> None:
    """A renamed entry would lose its id."""
    source = "".join(path.read_text() for path in AUDIT.parents[1].glob("app/**/*.py"))
    elsewhere = source.replace(
        (AUDIT.parents[1] / "app/telemetry/logging/event_log.py").read_text(), ""
    )
    assert {name for name in EVENTS if f'"{name}"' not in elsewhere} <= {
        "insecure_listener",
        "certificate_not_reloaded",
        "certificate_reloaded",
        "certificate_expires_soon",
        "certificate_expired",
    }


def test_a_source_is_registered_and_removed() -> None:
    calls: list[tuple[object, ...]] = []

    class Sources:
        """As pywin32's `win32evtlogutil` has it."""

        def AddSourceToRegistry(  # noqa: N802
            self, name: str, message_file: str, log_type: str, types: int
        ) -> None:
            calls.append(("add", name, message_file, log_type, types))

        def RemoveSourceFromRegistry(self, name: str, log_type: str) -> None:  # noqa: N802
            calls.append(("remove", name, log_type))

    event_log.add_source(Sources())
    event_log.remove_source(Sources())

    message_file = r"%SystemRoot%\System32\EventCreate.exe"
    assert calls == [
        ("add", "sa-contexts", message_file, "Application", 7),
        ("remove", "sa-contexts", "Application"),
    ]
