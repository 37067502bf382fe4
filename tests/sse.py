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

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events that a piece of the stream completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        assert b"\r" not in self._rest
        events = [self._take(line.decode()) for line in lines]
        return [event for event in events if event is not None]

    @property
    def is_between_events(self) -> bool:
        """Return whether the stream is between two events."""
        return not (self._rest or self._fields)

    def _take(self, line: str) -> Event | None:
        assert "\r" not in line
        assert "\0" not in line
        if line.startswith(":"):
            self.comments += 1
        elif line:
            name, colon, value = line.partition(":")
            assert colon
            self._take_field(name, value.removeprefix(" "))
        else:
            return self._dispatch()
        return None

    def _take_field(self, name: str, value: str) -> None:
        if name == "retry":
            self.retry_ms = int(value)
            return
        assert name in {"event", "id", "data"}, name
        assert name not in self._fields, "a field is given twice"
        self._fields[name] = value

    def _dispatch(self) -> Event:
        fields, self._fields = self._fields, {}
        event_id = fields.pop("id", None)
        if event_id is not None:
            assert event_id
            assert event_id.isascii()
            self.last_event_id = event_id
        assert set(fields) == {"event", "data"}, "a block that is no event"
        return Event(fields["event"], json.loads(fields["data"]), event_id, fields["data"])


def careless_messages(stream: str) -> list[tuple[str, str]]:
    """Return the name and data of each message that a careless client finds in a stream.

    It splits the stream at empty lines, skips a block that begins with a comment, and takes every
    other block for a message, with or without data.
    """
    *blocks, _unfinished = stream.split("\n\n")
    messages = []
    for block in blocks:
        if not block.startswith(":"):
            fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
            messages.append((fields.get("event", ""), fields.get("data", "")))
    return messages
