"""Clients that watch a store and keep its contexts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from app.repository.changes.feed import EventFeeds
from app.repository.changes.journal import Journal, parse_event_id
from app.repository.changes.watcher import Watcher
from app.repository.query.match_cache import MatchCache
from app.repository.snapshot.model import Change
from app.repository.store import EngineTimedOut, Store
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import View
from bindings.errors import EngineError
from tests.mirror import Mirror, place_of
from tests.resources.test_views import summarized
from tests.soak.filters import SA_CONTEXTS, Filters
from tests.sse import Parser


NAMES = {"ipVersion": "ip_version", "trafficType": "traffic_type", "remoteSubnet": "remote_subnet"}
SEEN: Counter[str] = Counter()
"""What occurred in all runs: a test in which nothing happens proves nothing."""


class Kept:
    """A model of the journal, computed from its input and its limits."""

    def __init__(self, journal: Journal, most: int) -> None:
        self.epoch = ""
        self.first = 0
        """All changes after this revision are kept."""
        self._counts: list[tuple[int, int]] = []
        self._most = most
        self._restart, self._record = journal.restart, journal.record
        watched = cast(Any, journal)
        watched.restart, watched.record = self.restart, self.record

    def restart(self, epoch: str, revision: int) -> None:
        self.epoch, self.first, self._counts = epoch, revision, []
        self._restart(epoch, revision)

    def record(self, revision: int, changes: tuple[Change, ...], time: datetime) -> None:
        self._counts.append((revision, len(changes)))
        while sum(count for _, count in self._counts) > self._most:
            self.first, _ = self._counts.pop(0)
        self._record(revision, changes, time)

    def has_all_after(self, event_id: str) -> bool:
        """Return whether a stream can resume after an event without a gap."""
        epoch, revision, taken = place_of(event_id)
        is_whole = taken == float("inf")
        return epoch == self.epoch and (revision if is_whole else revision - 1) >= self.first


@dataclass(frozen=True, slots=True)
class Server:
    """The source that serves clients.

    Attributes:
        kept: the expected journal.
    """

    store: Store
    feeds: EventFeeds
    matches: MatchCache
    kept: Kept


class WatchingClient:
    """One client: a stream that it may close, and its contexts."""

    def __init__(self, filters: Filters, view: View, *, is_initial: bool) -> None:
        self.filters = filters
        self.view = view
        self.is_initial = is_initial
        self.selection = SaContextSelection.parse(
            {NAMES.get(name, name): values for name, values in filters.items()}
        )
        self.mirror = Mirror(wants_initial=is_initial, is_basic=view is not View.FULL)
        self.watch: Watcher | None = None
        self.parser = Parser()
        self.must_begin_anew = False

    def shown(self, context: dict[str, Any]) -> dict[str, Any]:
        """Return a context in the client's view."""
        shown = cast(dict[str, Any], orjson.loads(orjson.dumps(context)))
        if self.view is View.SUMMARY:
            return summarized(shown)
        if self.view is View.BASIC:
            for sa in filter(None, (shown["inboundSa"], shown["outboundSa"])):
                sa["saBundle"].pop("ipsecId", None)
                if sa.get("transportFilter"):
                    del sa["transportFilter"]["filterCondition"]
        return shown

    def selected(self, contexts: list[dict[str, Any]]) -> dict[int, Any]:
        """Return the contexts that this client selects, in its view."""
        return {
            int(context["saContextId"]): self.shown(context)
            for context in contexts
            if SA_CONTEXTS.matches(context, self.filters)
        }

    def leave(self) -> None:
        if self.watch is not None:
            self.watch.close()
        self.watch = None
        self.parser = Parser()

    async def come(self, server: Server) -> None:
        """Open a stream at the position at which the last one ended."""
        self.leave()
        last_id = self.mirror.last_id
        self.mirror.connect()
        watch = Watcher(
            server.store,
            server.feeds.get(self.selection, self.view),
            server.matches,
            after=None if last_id is None else parse_event_id(last_id),
            is_initial=self.is_initial,
        )
        try:
            await watch.begin()
        except (EngineError, EngineTimedOut):
            watch.close()
            SEEN["nothing to begin with"] += 1
            return
        self.watch = watch
        self.must_begin_anew = last_id is not None and not server.kept.has_all_after(last_id)
        if last_id is not None:
            SEEN["resumed amid a revision" if "." in last_id else "resumed"] += 1
        await self._read(watch.bookmark() or b"", server)

    async def pump(self, server: Server, cut_after: int | None = None) -> bool:
        """Read the next batch, or part of it and then no more; return whether there was one."""
        if self.watch is None:
            return False
        last_id = self.mirror.last_id
        must_go_on = last_id is not None and server.kept.has_all_after(last_id)
        text = await self.watch.next_batch()
        if text is None:
            if last_id is not None and (mark := self.watch.bookmark()):
                await self._read(mark, server)
            return False
        is_reset = text.startswith(b"event: reset\n")
        if last_id is not None and must_go_on:
            assert not is_reset or not server.kept.has_all_after(last_id), (
                "a reset amid what is kept"
            )
        if last_id is not None and is_reset:
            is_same = last_id.startswith(f"{server.kept.epoch}-")
            SEEN["a reset of the journal" if is_same else "a reset of the epoch"] += 1
        assert is_reset or not self.must_begin_anew, "no reset although something was missed"
        self.must_begin_anew = False
        await self._read(text, server, cut_after)
        if cut_after is not None:
            SEEN["cut off"] += 1
            self.leave()
        return True

    async def _read(self, text: bytes, server: Server, cut_after: int | None = None) -> None:
        events = self.parser.feed(text)
        assert self.parser.is_between_events
        if cut_after is not None:
            events = events[: cut_after % (len(events) + 1)]
        for event in events:
            SEEN[event.kind] += 1
            self.mirror.take(event)
            if self.mirror.needs_list and not await self._list(server):
                self.leave()
                self.mirror.forget()
                return

    async def _list(self, server: Server) -> bool:
        """Read a complete list of any age."""
        try:
            version = await server.store.snapshot_at_most(0 if self.mirror.events % 2 else 3600)
        except (EngineError, EngineTimedOut):
            return False
        contexts = [orjson.loads(version.blocks[at]) for at in range(len(version.ids))]
        self.mirror.show(version.epoch, version.revision, self.selected(contexts))
        return True

    async def list_first(self, server: Server) -> None:
        self.leave()
        self.mirror.forget()
        await self._list(server)
