"""One log for the server and its libraries: standard error, files, the Windows Event Log.

Entries contain text from the network. Unprintable characters are escaped, so that such text cannot
fake a line or control a terminal. Strings and lines are truncated, so that long text does not block
the event loop. Finally, text that looks like a credential is redacted
(`app.telemetry.logging.redaction`).
"""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TextIO

import structlog

from app.files.daemon_threads import start_daemon
from app.settings.server import ServerSettings
from app.telemetry.logging.audit import AUDIT_EVENTS, AuditSink
from app.telemetry.logging.event_log import EventLogSink
from app.telemetry.logging.redaction import MAX_CHARACTERS, redacted_start
from app.telemetry.logging.sinks import FileSink, LogQueue, LogSink, StreamSink


_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
"""Processors of all entries, including those of libraries."""
_OURS: Final[list[Any]] = [*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
"""Processors of our entries; a constant, because cached loggers keep the list they began with."""

OPEN_SECONDS: Final = 5.0
"""How long opening the log file may take."""
MAX_TEXT: Final = 2000
"""Maximum length of a string in an entry, in characters."""
MAX_LINE: Final = 32 << 10
"""Maximum length of a rendered entry, in characters."""
_CUT: Final = "…"
_ALWAYS: Final = ("timestamp", "level", "logger", "event")
"""The fields that are kept if a JSON entry is too long."""

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Tracebacks without local variables, which may hold secrets."""


class LogFile(NamedTuple):
    """A file to log to, with rotation.

    Attributes:
        path: the file; its folder is created if it does not exist.
        max_bytes: size at which the file is rotated.
        max_rotated: maximum number of rotated files kept.
    """

    path: Path
    max_bytes: int
    max_rotated: int


def log_file(settings: ServerSettings, default: Path | None = None) -> LogFile | None:
    """Return the log file of the settings, else the default one; None if there is neither."""
    path = settings.log_file or default
    if path is None:
        return None
    return LogFile(path, settings.max_log_file_bytes, settings.max_log_files)


def audit_log_file(settings: ServerSettings, file: LogFile | None) -> LogFile | None:
    """Return the audit log's file: that of the settings, or one beside the log file, or None."""
    path = settings.audit_log_file or (file and file.path.with_name("audit.log"))
    if path is None:
        return None
    return LogFile(path, settings.max_audit_log_file_bytes, settings.max_audit_log_files)


class LogUnwritable(Exception):
    """The log file cannot be opened; the message names the file and the reason."""


def configure_logging(
    log_format: Literal["text", "json"],
    level: str,
    stream: TextIO | None = None,
    *,
    file: LogFile | None = None,
    audit: LogFile | None = None,
    event_log: bool = False,
) -> None:
    """Send the entries of structlog and of the standard library (uvicorn's) to one log.

    Args:
        log_format: human-readable lines, or JSON.
        level: name of the minimum level.
        stream: the stream to write to; None: standard error, if the process has one.
        file: an additional file.
        audit: a file for the security events only (`app.telemetry.logging.audit`).
        event_log: whether to report entries to the Windows Event Log, too.

    Raises:
        LogUnwritable: the file cannot be opened.
    """
    stream = stream or sys.stderr  # None in a Windows service
    sinks: list[LogSink] = [] if stream is None else [StreamSink(stream)]
    if file is not None:
        sinks.append(_open_file(FileSink, file))
    if audit is not None:
        sinks.append(_open_file(AuditSink, audit))
    if event_log:
        sinks.append(EventLogSink())
    has_colors = stream is not None and stream.isatty() and len(sinks) == 1
    final: list[Any] = (
        [_TRACEBACKS, _with_short_texts, _as_json]
        if log_format == "json"
        else [
            _with_short_texts,
            _on_one_line,
            structlog.dev.ConsoleRenderer(colors=has_colors, exception_formatter=_traceback),
        ]
    )
    structlog.configure(
        processors=_OURS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    queue = LogQueue(sinks, preferred=AUDIT_EVENTS)
    queue.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *final,
                _redact,
            ],
        )
    )
    logging.basicConfig(handlers=[queue], level=level.upper(), force=True)


def _open_file(kind: type[FileSink], file: LogFile) -> FileSink:
    """Open the file within a deadline: a FIFO would wait for its reader, a dead share for ever."""

    def open_sink() -> FileSink:
        file.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return kind(file.path, file.max_bytes, file.max_rotated)

    try:
        return start_daemon(open_sink).result(OPEN_SECONDS)
    except OSError as error:
        reason = error.strerror or f"it does not answer within {OPEN_SECONDS:g} s"
        raise LogUnwritable(f"cannot write the log {file.path}: {reason}") from None


def _with_short_texts(_logger: Any, _method: str, entry: Any) -> Any:
    """Truncate each string of an entry to `MAX_TEXT` characters."""
    return _cut(entry, MAX_TEXT)


def _cut(value: Any, max_characters: int) -> Any:
    """Truncate the strings in a value, however deeply nested; redact each truncated string."""
    if isinstance(value, str):
        is_short = len(value) <= max_characters
        return value if is_short else redacted_start(value, max_characters) + _CUT
    if isinstance(value, dict):
        return {name: _cut(inner, max_characters) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner, max_characters) for inner in value]
    return value


_to_json: Final = structlog.processors.JSONRenderer()


def _as_json(logger: Any, method: str, entry: Any) -> str:
    """Render an entry as JSON; if it is too long, only its main fields and the JSON's start."""
    line = str(_to_json(logger, method, entry))
    if len(line) <= MAX_LINE:
        return line
    kept = {name: entry[name] for name in _ALWAYS if name in entry}
    return str(_to_json(logger, method, {**_cut(kept, MAX_CHARACTERS), "cut": line[:MAX_TEXT]}))


def _on_one_line(_logger: Any, _method: str, entry: Any) -> Any:
    """Escape unprintable characters in strings; the renderer writes other values with `repr`."""
    return {
        name: _escaped(value) if isinstance(value, str) and not value.isprintable() else value
        for name, value in entry.items()
    }


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _redact(_logger: Any, _method: str, line: Any) -> str:
    """Truncate a rendered entry to `MAX_LINE` characters and redact it."""
    return redacted_start(line, MAX_LINE)


def _traceback(stream: TextIO, exception: Any) -> None:
    """Write a traceback with indented lines, so that no line looks like an entry."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exception)
    lines = text.getvalue()[:MAX_LINE].splitlines()
    stream.write("".join(f"\n    {_escaped(line)}" for line in lines))
