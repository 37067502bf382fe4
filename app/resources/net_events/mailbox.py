"""Passes net events from a thread of the library to the event loop."""

from __future__ import annotations

from itertools import count
from threading import Lock

from app.repository.mailbox import Mailbox
from bindings.net_event import NetEvent


class NetEventMailbox(Mailbox[tuple[int, NetEvent]]):
    """Net events, numbered in order of arrival. A dropped event leaves a gap in the numbers."""

    def __init__(self, max_count: int) -> None:
        super().__init__(max_count)
        self._numbers = count(1)
        self._lock = Lock()

    def add(self, event: NetEvent) -> None:
        """Append an event under the next number. Blocks only while another thread does so."""
        with self._lock:
            self.put((next(self._numbers), event))
