"""Streams of the changes of a list's objects: list, then watch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol

from app.api.sse import EventStream
from app.auth.callers import Caller
from app.repository.changes.feed import EventFeeds
from app.repository.changes.journal import Position, parse_event_id
from app.repository.changes.watcher import Watcher
from app.repository.query.filters import Selection
from app.repository.query.paginator import Paginator
from app.repository.snapshot.source import SnapshotSource
from app.schemas.names import View
from app.service import Service


UNKNOWN_POSITION: Final = ("", Position(0))
"""A position that is in no journal, so that the stream begins with `reset`."""


class Watchable(Protocol):
    """A list whose changes can be watched.

    Attributes:
        store: the snapshots.
        paginator: the pages.
        feeds: the event feeds.
    """

    @property
    def store(self) -> SnapshotSource:
        """The snapshots."""

    @property
    def paginator(self) -> Paginator:
        """The pages."""

    @property
    def feeds(self) -> EventFeeds:
        """The event feeds."""


class WatchQuery(Protocol):
    """The query of a stream.

    Attributes:
        since: a position that the client has; None: none.
        initial: whether a client without a usable position first gets all selected objects.
    """

    since: str | None
    initial: bool

    @property
    def selection(self) -> Selection:
        """The selected objects."""


def event_schemas(event: str, deleted: str) -> Mapping[str, str]:
    """Return the name of the schema of each event's data.

    Args:
        event: that of `added` and `modified`.
        deleted: that of `deleted`.
    """
    return {
        "added": event,
        "modified": event,
        "deleted": deleted,
        "snapshot_end": "StreamPosition",
        "reset": "StreamPosition",
        "bookmark": "StreamPosition",
        "reconnect": "StreamEnd",
    }


def watch(
    watchable: Watchable,
    query: WatchQuery,
    view: View,
    caller: Caller,
    service: Service,
    last_event_id: str | None,
    watcher: type[Watcher] = Watcher,
) -> EventStream:
    """Return the stream of changes of the selected objects.

    Args:
        watchable: the list.
        query: the query.
        view: the view of the objects.
        caller: the watcher; the stream ends with its credential.
        service: the service.
        last_event_id: the header `Last-Event-ID`, which takes precedence over `since`.
        watcher: metrics count streams by its class.
    """
    after = None
    if last_event_id:
        after = parse_event_id(last_event_id) or UNKNOWN_POSITION
    elif query.since is not None:
        after = parse_event_id(query.since)
    events = watcher(
        watchable.store,
        watchable.feeds.get(query.selection, view),
        watchable.paginator.match_cache,
        after=after,
        is_initial=query.initial,
    )
    return EventStream(events, service.streams, partial(service.credentials.is_still_valid, caller))
