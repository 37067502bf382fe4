"""Reading of reports: bounded, whatever the agent sends.

A report is NDJSON, compressed with gzip (RFC 1952): the head, then one line for each object or
change. The JSON of an object is stored as it was sent, if it is of the shape that clients expect.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import orjson
from pydantic import ValidationError

from app.fleet.hashes import hash_of
from app.fleet.wire import (
    MAX_CONTENT_BYTES,
    MAX_LINES,
    Change,
    Changes,
    SnapshotLine,
    SnapshotPart,
    Wire,
)
from app.hub.store import Part, ReportedChange, StoredObject
from app.resources.sa_contexts.schema import SaContext


W = TypeVar("W", bound=Wire)

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAX_ID: Final = (1 << 64) - 1


class ReportUnreadable(Exception):
    """A report is not what an agent sends; the message says why, without its content."""


def decompressed(body: bytes) -> bytes:
    """Return the content of a compressed body.

    Raises:
        ReportUnreadable: it is not gzip, not complete, or larger than `MAX_CONTENT_BYTES`.
    """
    reader = zlib.decompressobj(_GZIP)
    try:
        content = reader.decompress(body, MAX_CONTENT_BYTES)
    except zlib.error:
        raise ReportUnreadable("the body is not gzip") from None
    if reader.unconsumed_tail:
        raise ReportUnreadable(f"the content exceeds {MAX_CONTENT_BYTES:,} bytes")
    if not reader.eof:
        raise ReportUnreadable("the body is incomplete")
    return content


def read_changes(body: bytes) -> tuple[Changes, list[ReportedChange]]:
    """Read a report of changes.

    Raises:
        ReportUnreadable: it is none.
    """
    lines = _lines(body)
    head = _of(Changes, next(lines))
    if head.revision <= head.after:
        raise ReportUnreadable("the changes lead to no later revision")
    changes: list[ReportedChange] = []
    newest = head.after + 1
    for line in lines:
        change = _of(Change, line)
        if not newest <= change.revision <= head.revision:
            raise ReportUnreadable("the revisions of the changes are not in order")
        newest = change.revision
        number = _number(change.id)
        is_there = change.kind != "deleted"
        if is_there != ("object" in line):
            raise ReportUnreadable("an object is there although it was deleted, or not there")
        found = _object(number, line["object"]) if is_there else None
        changes.append(ReportedChange(change.revision, number, found))
    return head, changes


def read_part(body: bytes) -> tuple[SnapshotPart, Part]:
    """Read a part of a snapshot.

    Raises:
        ReportUnreadable: it is none.
    """
    lines = _lines(body)
    head = _of(SnapshotPart, next(lines))
    hashes: dict[int, bytes] = {}
    objects: list[StoredObject] = []
    for line in lines:
        named = _of(SnapshotLine, line)
        number = _number(named.id)
        if "object" in line:
            objects.append(_object(number, line["object"]))
        else:
            hashes[number] = bytes.fromhex(named.hash)
    return head, Part(hashes, objects)


def _lines(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines of a body, of which there is at least one."""
    lines = decompressed(body).splitlines()
    if not 0 < len(lines) <= MAX_LINES:
        raise ReportUnreadable(f"there should be 1 to {MAX_LINES} lines")
    for text in lines:
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ReportUnreadable("a line is not JSON") from None
        if not isinstance(line, dict):
            raise ReportUnreadable("a line is not a JSON object")
        yield line


def place_of(error: ValidationError) -> str:
    """Return where the first fault of a request is, without its content."""
    return ".".join(map(str, error.errors(include_input=False)[0]["loc"]))


def _of(shape: type[W], line: dict[str, Any]) -> W:
    try:
        return shape.model_validate(line)
    except ValidationError as error:
        where = place_of(error)
        raise ReportUnreadable(f"a line is not of the right shape: {where}") from None


def _number(text: str) -> int:
    number = int(text)
    if number > _MAX_ID:
        raise ReportUnreadable("an id has more than 64 bits")
    return number


def _object(number: int, content: Any) -> StoredObject:
    """Return an object as it is stored: an SA context."""
    try:
        context = SaContext.model_validate(content)
    except ValidationError as error:
        where = place_of(error)
        raise ReportUnreadable(f"an SA context is not of the right shape: {where}") from None
    if context.sa_context_id != str(number):
        raise ReportUnreadable("an SA context has another id than its line")
    words = {
        word.value
        for sa in (context.inbound_sa, context.outbound_sa)
        for word in (sa.weaknesses if sa else ())
    }
    json = orjson.dumps(content)
    return StoredObject(number, hash_of(number, json), json, tuple(sorted(words)))
