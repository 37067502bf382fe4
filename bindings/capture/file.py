"""The file of a capture: gzip of JSON lines (docs/captures.md).

The first line is the header; each of the others is one answer of the engine. Files are
untrusted, so the size of a line and of the whole content is limited.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from bindings.errors import LibraryError


FORMAT: Final = "sa-contexts capture"
FORMAT_VERSION: Final = 1

MAX_LINE_BYTES: Final = 4 << 20
MAX_BYTES: Final = 3 << 29
MAX_LINES: Final = 1 << 20
"""Maximum size of a line, and size and number of all lines, decompressed.

100,000 contexts, with their connections and main mode SAs in all generations, make 1.1 GB in
400,000 lines of at most 6 kB. A line has room for any one array of bytes (`MAX_ELEMENTS`).
"""

Line = dict[str, Any]


class CaptureUnreadable(LibraryError):
    """The file is not a capture, or is damaged; the message says where."""


def compressed(header: Line, lines: Iterable[Line]) -> bytes:
    """Return the content of a file; equal headers and lines give equal content."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        for line in ({"format": FORMAT, "formatVersion": FORMAT_VERSION, **header}, *lines):
            file.write(encoded(line))
    return content.getvalue()


def encoded(line: Line) -> bytes:
    """Return a line as ASCII, so that lone surrogates in names are escaped."""
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def read_capture(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield the header and the other lines, each with its number from 1.

    Raises:
        CaptureUnreadable: the file cannot be read, is not a capture, is damaged or too large.
    """
    number, size = 0, 0
    try:
        with gzip.open(path, "rb") as file:
            while text := file.readline(MAX_LINE_BYTES + 1):
                number, size = number + 1, size + len(text)
                if len(text) > MAX_LINE_BYTES or size > MAX_BYTES or number > MAX_LINES:
                    raise CaptureUnreadable(f"{path}, line {number}: the capture is too large")
                line = _decoded(text)
                if number == 1:
                    _check_header(line)
                yield number, line
    except (EOFError, zlib.error, ValueError, RecursionError, gzip.BadGzipFile) as error:
        where = f"{path}, line {number}" if number else path
        raise CaptureUnreadable(f"{where}: not a capture, or damaged: {error}") from None
    except OSError as error:
        raise CaptureUnreadable(f"{path} cannot be read: {error.strerror}") from None
    if not number:
        raise CaptureUnreadable(f"{path} is empty")


def _decoded(text: bytes) -> Line:
    line = json.loads(text, parse_constant=_reject_constant)
    if not isinstance(line, dict):
        raise ValueError("a line is not an object")  # noqa: TRY004  # the file's fault
    return line


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_header(line: Line) -> None:
    if line.get("format") != FORMAT:
        raise ValueError("the first line is not a capture's header")
    if line.get("formatVersion") != FORMAT_VERSION:
        raise ValueError(f"format version {line.get('formatVersion')!r} is unknown")
