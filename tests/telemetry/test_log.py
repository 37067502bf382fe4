"""The log: it never blocks, counts dropped entries, and its entries cannot be forged."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event
from time import process_time
from typing import Any, Literal

import pytest
import structlog

from app.telemetry.logging.configuration import (
    MAX_LINE,
    MAX_TEXT,
    LogFile,
    LogUnwritable,
    configure_logging,
)
from app.telemetry.logging.sinks import FileSink, LogQueue, LogSink, StreamSink
from tests.telemetry.drops import drops


log = structlog.get_logger(__name__)

KEY = "sak_0123456789ab_" + "Zz9_-" * 8 + "abc"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4"  # RFC 7515's form
OPAQUE = "2YotnFZFEjr1zCsicMWpAA"  # RFC 6749, 4.1.4
FORMATS: tuple[Literal["text", "json"], ...] = ("text", "json")


class Slow(io.StringIO):
    """A stream whose writer blocks until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_go_on = Event(), Event()

    def write(self, text: str) -> int:
        self.began.set()
        assert self.may_go_on.wait(30)
        return super().write(text)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    configure_logging("json", "debug")


def written(stream: io.StringIO) -> str:
    logging.getLogger().handlers[0].flush()
    return stream.getvalue()


@pytest.mark.parametrize("log_format", FORMATS)
def test_who_logs_does_not_wait_for_who_writes(log_format: Literal["text", "json"]) -> None:
    stream = Slow()
    configure_logging(log_format, "info", stream)

    log.info("first")
    assert stream.began.wait(30)
    log.info("second")  # returns, though nothing can be written

    stream.may_go_on.set()
    assert re.findall("first|second", written(stream)) == ["first", "second"]


def test_dropped_entries_are_counted_and_reported() -> None:
    stream = Slow()
    before = drops("queue")
    queue = LogQueue([StreamSink(stream)], max_entries=2)
    logger = logging.Logger("test")  # noqa: LOG001  # of no hierarchy
    logger.addHandler(queue)
    logger.warning("0")
    assert stream.began.wait(30)
    for number in range(1, 10):
        logger.warning("%d", number)

    assert drops("queue") - before == 7
    stream.may_go_on.set()
    with structlog.testing.capture_logs() as entries:
        queue.close()
    assert stream.getvalue() == "0\n1\n2\n"
    assert entries == [{"event": "log_entries_dropped", "count": 7, "log_level": "warning"}]


def test_a_stream_that_fails_is_counted_and_hurts_nobody() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    before = drops("stream")
    stream.close()

    log.info("nobody reads this")
    logging.getLogger().handlers[0].flush()

    assert drops("stream") == before + 1


def test_what_has_no_text_is_counted_and_hurts_nobody() -> None:
    class Untold:
        def __repr__(self) -> str:
            raise ValueError("never")

    configure_logging("text", "info", io.StringIO())
    before = drops("queue")

    log.info("untold", what=[Untold()])

    assert drops("queue") == before + 1


def test_a_log_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "sa-contexts.log"
    configure_logging("json", "info", io.StringIO(), file=LogFile(path, 64 << 10, 2))

    for number in range(2000):
        log.info("filling", number=number)
    logging.getLogger().handlers[0].flush()

    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == [path.name, f"{path.name}.1", f"{path.name}.2"]
    assert all(each.stat().st_size <= 64 << 10 for each in files)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["number"] == 1999


@pytest.mark.skipif(sys.platform == "win32", reason="there the folder says who may read")
def test_a_log_file_is_not_for_everybody(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(partial(os.umask, os.umask(0o022)))
    path = tmp_path / "sa-contexts.log"
    configure_logging("json", "info", io.StringIO(), file=LogFile(path, 64 << 10, 2))

    for number in range(1000):
        log.info("filling", number=number)
    logging.getLogger().handlers[0].flush()

    modes = {each.name: oct(each.stat().st_mode & 0o777) for each in tmp_path.iterdir()}
    assert len(modes) > 1
    assert set(modes.values()) == {"0o640"}


def test_a_file_that_cannot_be_put_aside_grows_on_but_not_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows while another program reads it (ERROR_SHARING_VIOLATION)."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    path = tmp_path / "log"
    outlet = FileSink(path, 1000, 1)
    queue = LogQueue([outlet])
    monkeypatch.setattr("os.rename", refuse)
    before = drops("file")
    logger = logging.Logger("test")  # noqa: LOG001  # of no hierarchy
    logger.addHandler(queue)

    for _ in range(100):
        logger.warning("x" * 99)
    queue.flush()

    assert 2000 < path.stat().st_size < 2200
    assert drops("file") - before == 100 - path.stat().st_size // 100
    monkeypatch.undo()
    logger.warning("y" * 99)
    queue.close()
    assert path.read_text() == "y" * 99 + "\n"


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LogUnwritable, match=re.escape(str(tmp_path))):
        configure_logging("json", "info", io.StringIO(), file=LogFile(tmp_path, 1 << 20, 1))


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize(
    "text",
    ["a\n2026-11-25T00:00:00Z [info     ] listening", "a\r\x1b[2J\x07", "a\u2028b\u202ec\x85\x9b"],
)
def test_no_text_can_forge_an_entry(log_format: Literal["text", "json"], text: str) -> None:
    stream = io.StringIO()
    configure_logging(log_format, "info", stream)

    log.info("request", path=text, deep={"caller": [text]})
    log.info(text)
    logging.getLogger("uvicorn.error").error("%s", text)

    lines = written(stream).split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    if log_format == "json":
        assert [json.loads(line).get("path", text) for line in lines[:-1]] == [text] * 3


def test_no_line_of_a_traceback_can_be_taken_for_an_entry() -> None:
    stream = io.StringIO()
    configure_logging("text", "info", stream)

    try:
        int("a\n2026-11-25T00:00:00Z [info     ] listening\x1b[2J")
    except ValueError:
        log.exception("failed")

    first, *others = written(stream).splitlines()
    assert "failed" in first
    assert "ValueError" in "".join(others)
    assert all(line.startswith("    ") or not line for line in others)
    assert all(line.isprintable() for line in others)


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("secret", [KEY, JWT, OPAQUE])
def test_credentials_are_struck_out(log_format: Literal["text", "json"], secret: str) -> None:
    stream = io.StringIO()
    configure_logging(log_format, "debug", stream)
    header = f"Bearer {secret}"

    log.info("event", header=header, deep={"headers": [(b"authorization", header.encode())]})
    log.info("GET /?x=%s", header)
    logging.getLogger("httpx2").debug("headers %r", [header])
    try:
        int(header)
    except ValueError:
        log.exception("failed", given=header)

    text = written(stream)
    assert secret not in text
    assert secret.rpartition(".")[2][-12:] not in text
    assert text.count("[redacted]") >= 6


@pytest.mark.parametrize("secret", [KEY, JWT])
@pytest.mark.parametrize("times", [1, 2, 3, 9])
def test_credentials_are_struck_out_however_they_are_encoded(secret: str, times: int) -> None:
    """RFC 3986, 2.1: any octet may be percent-encoded, a percent sign, too."""
    encoded = [secret, secret]
    for _ in range(times):
        encoded = [
            "".join(f"%{octet:02x}" for octet in encoded[0].encode())
            if len(encoded[0]) < 1000
            else encoded[0].replace("%", "%25"),
            f"%{ord(encoded[1][0]):02X}{encoded[1][1:]}",
        ]
    stream = io.StringIO()
    configure_logging("json", "info", stream)

    for each in encoded:
        log.info("request", path=f"/engine/{each}/x", status=404)

    lines = written(stream).splitlines()
    assert len(lines) == len(encoded)
    for line in lines:
        path = json.loads(line)["path"]
        assert path == "/engine/[redacted]/x" or (times == 9 and path == "/engine/[redacted]…")


def test_what_is_encoded_and_no_credential_stays() -> None:
    path = "/a%2fb%0a" + "%2525" * 200 + "/100%"
    stream = io.StringIO()
    configure_logging("json", "info", stream)

    log.info("request", path=path)

    assert json.loads(written(stream))["path"] == path


def test_what_is_no_credential_stays() -> None:
    stream = io.StringIO()
    configure_logging("text", "info", stream)

    log.info(
        "key", note="the bearer of sak_ or eyJ is known", challenge='Bearer realm="sa-contexts"'
    )

    assert "[redacted]" not in written(stream)


def test_entries_of_others_have_what_is_bound() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)

    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logging.getLogger("uvicorn.error").error("Exception in ASGI application")

    assert json.loads(written(stream))["request_id"] == "r1"


def test_outlets_get_what_is_severe_enough_for_them() -> None:
    seen: list[Any] = []

    class Kept(LogSink):
        sink_name = "event_log"

        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.levelname, record.getMessage()))

    outlet = Kept(logging.WARNING)
    queue = LogQueue([outlet])
    logger = logging.Logger("test")  # noqa: LOG001  # of no hierarchy
    logger.addHandler(queue)
    logger.info("no")
    logger.warning("yes")
    queue.close()
    queue.flush()  # after the end: nothing to wait for

    assert seen == [("WARNING", "yes")]


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("text", ["%é" * 200_000, "%65%79%4a" * 100_000, "\x00" * 400_000])
def test_long_entries_are_cut_before_they_are_searched(
    log_format: Literal["text", "json"], text: str
) -> None:
    stream = io.StringIO()
    configure_logging(log_format, "info", stream)
    began = process_time()

    log.warning("strange", text=text, texts=[text] * 3)
    logging.getLogger("others").warning("%s", text)
    empty: dict[str, str] = {}
    try:
        empty[text]
    except KeyError:
        log.exception("failed", other=text)

    lines = written(stream).splitlines()
    assert process_time() - began < 2
    assert max(map(len, lines)) <= MAX_LINE
    assert "strange" in lines[0]
    if log_format == "json":
        entries = [json.loads(line) for line in lines]
        assert [entry["level"] for entry in entries] == ["warning", "warning", "error"]
        assert entries[2]["event"] == "failed"
        assert entries[2]["exception"][0]["exc_type"] == "KeyError"


@pytest.mark.parametrize("before", range(MAX_TEXT - 80, MAX_TEXT + 1, 7))
def test_credential_across_the_cut_is_struck_out(before: int) -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)

    log.info("event", text="/" * before + KEY + "/" * 5000)

    assert KEY[17:22] not in written(stream)


def test_entry_of_many_values_is_cut_and_stays_json() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)

    log.warning("strange", values=["%é" * 100] * 1000)

    (line,) = written(stream).splitlines()
    entry = json.loads(line)
    assert len(line) <= MAX_LINE
    assert (entry["event"], entry["level"]) == ("strange", "warning")
    assert entry["cut"].startswith("{")
