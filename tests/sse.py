"""Server-Sent Events as a client reads them (the HTML standard, 9.2), and no other way.

Unlike the standard, it rejects unknown fields and the like: the server never sends them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        kind: its name.
        data: its parsed JSON.
        event_id: its id; None if it has none.
        text: its data as received.
    """

    kind: str
    data: Any
    event_id: str | None
    text: str


@dataclass
class Parser:
    """Takes a stream in any pieces.

    Attributes:
        last_event_id: what a client would send as `Last-Event-ID`; empty before the first.
        retry_ms: the reconnection time that the stream announced.
        comments: the number of comments.
    """

    last_event_id: str = ""
    retry_ms: int | None = None
    comments: int = 0
    _rest: bytes = b""
    _fields: dict[str, str] = field(default_factory=dict)
    _is_comment: bool = False

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events that a piece of the stream completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        assert b"\r" not in self._rest
        events = [self._take(line.decode()) for line in lines]
        return [event for event in events if event is not None]

    @property
    def is_between_events(self) -> bool:
        """Return whether the stream is between two events."""
        return not (self._rest or self._fields or self._is_comment)

    def _take(self, line: str) -> Event | None:
        assert "\r" not in line
        assert "\0" not in line
        if line.startswith(":"):
            self.comments += 1
            self._is_comment = True
        elif line:
            name, colon, value = line.partition(":")
            assert colon
            assert name in {"event", "id", "data", "retry"}, line
            assert name not in self._fields, "a field is given twice"
            self._fields[name] = value.removeprefix(" ")
        else:
            return self._dispatch()
        return None

    def _dispatch(self) -> Event | None:
        fields, self._fields = self._fields, {}
        is_comment, self._is_comment = self._is_comment, False
        assert fields or is_comment, "an empty line too many"
        if "retry" in fields:
            self.retry_ms = int(fields.pop("retry"))
        event_id = fields.pop("id", None)
        if event_id is not None:
            assert event_id
            assert event_id.isascii()
            self.last_event_id = event_id
        if not fields:
            assert event_id is None, "an id without an event"
            return None
        assert set(fields) == {"event", "data"}, fields
        return Event(fields["event"], json.loads(fields["data"]), event_id, fields["data"])
