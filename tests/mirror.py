"""A client of `/sa-contexts/events` that keeps a copy of the contexts and checks each event."""

from __future__ import annotations

import re
from math import inf
from typing import Any

from tests.sse import Event


EVENT_ID = re.compile(r"([0-9a-f]{12})-([1-9][0-9]*)(?:\.([1-9][0-9]*))?", re.ASCII)

Place = tuple[str, int, float]
"""An epoch, a revision of it, and how many of its changes are known; infinity if all are."""


def place_of(event_id: str) -> Place:
    """Return the position of an event's id."""
    found = EVENT_ID.fullmatch(event_id)
    assert found, f"{event_id!r} is no event's id"
    epoch, revision, taken = found.groups()
    return epoch, int(revision), inf if taken is None else int(taken)


class Mirror:
    """The contexts of a stream, each by its id.

    Attributes:
        contents: the last known JSON of each context.
        last_id: the id to resume after; None if no event had one.
        needs_list: whether a list must be read before further events.
        is_ended: whether the stream announced its end.
        resets: the number of resets.
        events: the number of events about a context.
    """

    def __init__(self, *, wants_initial: bool, is_basic: bool = False) -> None:
        """Make a mirror.

        Args:
            wants_initial: whether its streams begin with every context.
            is_basic: whether they omit fields, so that a change may not show.
        """
        self.contents: dict[int, Any] = {}
        self.last_id: str | None = None
        self.needs_list = False
        self.is_ended = False
        self.resets = 0
        self.events = 0
        self._wants_initial = wants_initial
        self._is_basic = is_basic
        self._is_placeless = False
        self._filling: list[int] | None = None
        self._filling_revision: int | None = None
        self._listed: tuple[str, int] = ("", 0)

    def connect(self) -> None:
        """Begin a stream, after `last_id` if there is one."""
        self.is_ended = False
        self._filling = None
        if self.last_id is None:
            self.contents.clear()
            self._listed = ("", 0)
            self._is_placeless = not self._wants_initial
            if self._wants_initial:
                self._filling, self._filling_revision = [], None

    def is_in(self, epoch: str) -> bool:
        """Return whether its stream is in an epoch, as resuming from a list requires."""
        return self.last_id is not None and place_of(self.last_id)[0] == epoch

    @property
    def place(self) -> Place | None:
        """Return the position of its contents; None if it has none, or not all."""
        if self.last_id is None or self._filling is not None:
            return None
        streamed, (epoch, revision) = place_of(self.last_id), self._listed
        return max(streamed, (epoch, revision, inf)) if epoch == streamed[0] else streamed

    def show(self, epoch: str, revision: int, contents: dict[int, Any]) -> None:
        """Take a list's contents, which include all changes up to its revision."""
        self.contents = dict(contents)
        self._listed = (epoch, revision)
        self.needs_list = False
        if self.last_id is None:
            self.last_id = f"{epoch}-{revision}"

    def forget(self) -> None:
        """Forget everything, like a new client."""
        self.contents.clear()
        self.last_id = None
        self.needs_list = False
        self._filling = None
        self._listed = ("", 0)

    def take(self, event: Event) -> None:
        """Take an event, which must be one that may come now."""
        assert not self.is_ended, "an event after the last"
        assert not self.needs_list
        match event.kind:
            case "added" | "modified" | "deleted":
                self._take_change(event)
            case "snapshot_end":
                assert self._filling is not None, "the end of nothing"
                assert self._filling_revision in (None, event.data["revision"])
                self._filling = None
                self._begin_at(event)
            case "reset":
                assert self._filling is None, "a reset amid a beginning"
                self.resets += 1
                self.contents.clear()
                self._listed = ("", 0)
                if self._wants_initial:
                    assert event.event_id is None, "an event of an incomplete list has an id"
                    self._filling, self._filling_revision = [], event.data["revision"]
                else:
                    self._begin_at(event)
                    self.needs_list = True
            case "bookmark":
                assert self._filling is None
                assert event.event_id is not None
                self._move(event)
                assert place_of(event.event_id) == (
                    event.data["epoch"],
                    event.data["revision"],
                    inf,
                )
                self.needs_list, self._is_placeless = self._is_placeless, False
            case "reconnect":
                assert event.data.keys() == {"time"}
                assert event.event_id is None
                self.is_ended = True
            case other:
                raise AssertionError(f"an event of kind {other}")

    def _begin_at(self, event: Event) -> None:
        """Take the position of an event that restarts a stream."""
        assert event.event_id is not None
        assert place_of(event.event_id) == (event.data["epoch"], event.data["revision"], inf)
        self.last_id = event.event_id

    def _move(self, event: Event) -> None:
        """Advance to the position of an event, which must be later."""
        assert event.event_id is not None
        there = place_of(event.event_id)
        if self.last_id is not None:
            here = place_of(self.last_id)
            assert there[0] == here[0], "another epoch without a reset"
            assert there > here, f"{event.event_id} after {self.last_id}"
        self.last_id = event.event_id

    def _take_change(self, event: Event) -> None:
        self.events += 1
        context = event.data.get("saContext")
        number = int(event.data["saContextId"] if context is None else context["saContextId"])
        assert (context is None) == (event.kind == "deleted")
        if self._filling is not None:
            assert (event.kind, event.event_id) == ("added", None)
            assert not self._filling or self._filling[-1] < number, "not in order"
            assert self._filling_revision in (None, event.data["revision"])
            self._filling_revision = event.data["revision"]
            self._filling.append(number)
        else:
            self._move(event)
            assert self.last_id is not None
            epoch, revision, _ = place_of(self.last_id)
            assert event.data["revision"] == revision
            listed_epoch, listed_revision = self._listed
            if epoch == listed_epoch and revision <= listed_revision:
                return  # the list shows it
        assert not self._is_placeless, "a change of nobody knows what"
        if event.kind == "added":
            assert number not in self.contents, f"{number} is added twice"
        else:
            assert number in self.contents, f"{number} is {event.kind} and was never added"
        if context is None:
            del self.contents[number]
        else:
            is_same = context == self.contents.get(number)
            assert self._is_basic or not is_same, f"{number} is {event.kind} and the same"
            self.contents[number] = context
