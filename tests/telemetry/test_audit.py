"""The audit log: what is in it, and what no caller can do to it."""

from __future__ import annotations

import io
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.auth.callers import Caller
from app.settings.model import Settings
from app.telemetry.logging import summaries
from app.telemetry.logging.acceptance_summary import MAX_CALLERS, AcceptanceSummary
from app.telemetry.logging.audit import (
    AUDIT_EVENTS,
    MAX_PER_PERIOD,
    PERIOD_SECONDS,
    AuditSink,
    RepetitionLimit,
)
from app.telemetry.logging.configuration import (
    LogFile,
    audit_log_file,
    configure_logging,
    log_file,
)
from app.telemetry.logging.event_log import EventLogSink
from app.telemetry.logging.sinks import LogQueue, LogSink


DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"
CALLER = Caller("monitor", "api_key", frozenset(), "47aef8610bc4")

log = structlog.get_logger(__name__)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The main log, which keeps 128 kB, and the audit log."""
    main, audit = tmp_path / "sa-contexts.log", tmp_path / "audit.log"
    configure_logging(
        "json",
        "info",
        io.StringIO(),
        file=LogFile(main, 64 << 10, 1),
        audit=LogFile(audit, 64 << 10, 1),
    )
    yield main, audit
    configure_logging("json", "debug")


def flush() -> None:
    logging.getLogger().handlers[0].flush()


def events(path: Path) -> list[str]:
    """Return the names of the entries in a file and its rotated ones, oldest first."""
    rotated = path.with_name(f"{path.name}.1")
    texts = [each.read_text("utf-8") for each in (rotated, path) if each.exists()]
    return [json.loads(line)["event"] for text in texts for line in text.splitlines()]


def test_audit_log_outlives_any_number_of_requests(files: tuple[Path, Path]) -> None:
    main, audit = files
    log.info("api_keys_reloaded", keys=2)

    for number in range(3000):
        log.info("request", path=f"/engine/{number}", status=404)
        if number % 500 == 0:
            flush()
    flush()

    assert set(events(main)) == {"request"}
    assert events(audit) == ["api_keys_reloaded"]


def test_security_events_are_in_both_logs(files: tuple[Path, Path]) -> None:
    main, audit = files
    for event in sorted(AUDIT_EVENTS):
        log.info(event)
    log.warning("refresh_failed")
    flush()

    assert events(audit) == sorted(AUDIT_EVENTS)
    assert events(main) == [*sorted(AUDIT_EVENTS), "refresh_failed"]


def test_security_events_are_documented() -> None:
    section = DOCUMENT.read_text("utf-8").partition("\n## Audit log\n")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| (.+) \|.*\|$", section, re.MULTILINE)) >= {"entries"}
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == AUDIT_EVENTS


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"log_file": "/a/b.log"}, "/a/audit.log"),
        ({"log_file": "/a/b.log", "audit_log_file": "/c/d.log"}, "/c/d.log"),
        ({"audit_log_file": "/c/d.log"}, "/c/d.log"),
    ],
)
def test_audit_log_is_beside_the_log_file(settings: Any, expected: str | None) -> None:
    chosen = Settings(**settings, max_audit_log_files=7)
    found = audit_log_file(chosen, log_file(chosen))

    assert found == (expected and LogFile(Path(expected), 10 << 20, 7))


class Recorder(LogSink):
    """A sink that passes the events on."""

    sink_name = "stream"

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self.write = write

    def emit(self, record: logging.LogRecord) -> None:
        self.write(getattr(record, "event", ""))


def entry(event: str) -> logging.LogRecord:
    message: Any = {"event": event}
    return logging.LogRecord("test", logging.INFO, "", 0, message, None, None)


def test_full_queue_still_accepts_security_events() -> None:
    written: list[str] = []
    may_write = Event()

    def write(event: str) -> None:
        may_write.wait(10)
        written.append(event)

    queue = LogQueue([Recorder(write)], max_entries=10, preferred=AUDIT_EVENTS)
    for event in [*["request"] * 50, *["api_keys_reloaded"] * 30]:
        queue.emit(entry(event))
    may_write.set()
    queue.close()

    counts = Counter(written)
    assert counts["api_keys_reloaded"] == 10
    assert counts["request"] in {10, 11}  # the thread may have taken one from the queue


def record(event: str | None) -> logging.LogRecord:
    made = logging.LogRecord("test", logging.WARNING, "", 0, "text", None, None)
    made.event = event
    return made


def test_entries_of_one_event_are_bounded_per_minute() -> None:
    now = 0.0
    limit = RepetitionLimit("audit", lambda: now)

    passed = Counter(
        event
        for event in [*["issuer_unavailable"] * 1000, *["listening", None] * 3]
        if limit.filter(record(event))
    )
    assert passed == {"issuer_unavailable": MAX_PER_PERIOD, "listening": 3, None: 3}

    now += PERIOD_SECONDS
    with capture_logs() as logged:
        assert limit.filter(record("issuer_unavailable"))
    (withheld,) = logged
    assert withheld["event"] == "log_entries_withheld"
    assert (withheld["sink"], withheld["events"]) == (
        "audit",
        {"issuer_unavailable": 1000 - MAX_PER_PERIOD},
    )
    assert withheld["first"] <= withheld["last"]


@pytest.mark.parametrize("kind", ["audit", "event_log"])
def test_sinks_of_security_events_are_bounded(tmp_path: Path, kind: str) -> None:
    reported: list[str] = []

    class Library:
        def RegisterEventSource(self, *_: object) -> int:  # noqa: N802  # pywin32's
            return 1

        def ReportEvent(self, *given: Any) -> None:  # noqa: N802  # the same
            reported.extend(given[5])

    path = tmp_path / "audit.log"
    sink = AuditSink(path, 1 << 20, 1) if kind == "audit" else EventLogSink(Library())
    for _ in range(5 * MAX_PER_PERIOD):
        sink.handle(record("issuer_unavailable"))

    if kind == "audit":
        reported += path.read_text("utf-8").splitlines()
        sink.close()
    assert len(reported) == MAX_PER_PERIOD


def test_caller_has_one_entry_per_period_however_much_it_requests() -> None:
    summary = AcceptanceSummary()
    for number in range(20_000):
        summary.record(CALLER, f"192.0.2.{number % 7}", is_denied=number % 4 == 0)

    with capture_logs() as logged:
        summary.flush()
        summary.flush()

    (accepted,) = logged
    assert accepted["event"] == "credentials_accepted"
    assert (accepted["caller"], accepted["kind"], accepted["credential"]) == (
        "monitor",
        "api_key",
        "47aef8610bc4",
    )
    assert (accepted["count"], accepted["denied"], accepted["addresses"]) == (20_000, 5000, 7)
    assert len(accepted["top_addresses"]) == 5
    assert accepted["first"] <= accepted["last"]


def test_callers_without_number_share_an_entry() -> None:
    summary = AcceptanceSummary()
    for number in range(3 * MAX_CALLERS):
        caller = Caller(f"subject {number}", "jwt", frozenset(), f"jti {number}")
        summary.record(caller, "192.0.2.1", is_denied=False)

    with capture_logs() as logged:
        summary.flush()

    assert len(logged) == MAX_CALLERS + 1
    assert {e["count"] for e in logged if e["caller"] == "others"} == {2 * MAX_CALLERS}


def test_addresses_of_a_caller_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "MAX_ADDRESSES", 3)
    summary = AcceptanceSummary()
    for number in range(100):
        summary.record(CALLER, f"2001:db8::{number:x}", is_denied=False)

    with capture_logs() as logged:
        summary.flush()

    assert (logged[0]["count"], logged[0]["addresses"]) == (100, 3)
