"""The file of a capture: JSON lines, compressed with gzip (docs/captures.md).

The first line is the header. Each further line is an answer of the engine. Files are
untrusted, so the size of each line, the size of all lines and their number are limited.
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
"""The limits of a capture: the size of a line, the size of all lines, and their number.

Sizes are of decompressed lines. 100,000 contexts, with their connections and main mode SAs in all
generations, make 1.1 GB in 400,000 lines of at most 6 kB. A line has room for a byte array of the
maximum length (`MAX_ELEMENTS`).
"""

Line = dict[str, Any]


class CaptureUnreadable(LibraryError):
    """The file cannot be read, is not a capture, is damaged or is too large (see the message)."""


def compressed(header: Line, lines: Iterable[Line]) -> bytes:
    """Return the content of a capture's file; equal headers and lines give equal content."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        for line in ({"format": FORMAT, "formatVersion": FORMAT_VERSION, **header}, *lines):
            file.write(encoded(line))
    return content.getvalue()


def encoded(line: Line) -> bytes:
    """Return a line as JSON in ASCII, so that lone surrogates in names are escaped."""
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def read_capture(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield pairs of a line number, from 1, and the line; the first line is the header.

    Raises:
        CaptureUnreadable: the file cannot be read, is not a capture, is damaged or is too large.
    """
    number, size = 0, 0
    if path.exists() and not path.is_file():  # a FIFO would wait for its writer
        raise CaptureUnreadable(f"{path} cannot be read: it is not a regular file")
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
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        where = f"{path}, after line {number}" if number else path
        raise CaptureUnreadable(f"{where}: not a capture, or damaged: {error}") from None
    except (ValueError, RecursionError) as error:
        where = f"{path}, line {number}"
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
