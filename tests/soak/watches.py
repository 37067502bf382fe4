"""Clients that watch: each keeps the streamed contexts, and compares lists with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from tests.mirror import Mirror, place_of
from tests.soak.canary import shows_key
from tests.soak.client import Client, CutOff
from tests.soak.contract import NDJSON, Answer, Violation
from tests.soak.filters import SA_CONTEXTS
from tests.soak.schemas import SCHEMA, reason_against
from tests.soak.walks import BASIC_LEAVES_OUT, LIST
from tests.sse import Event, Parser


EVENTS = f"{LIST}/events"
KIND = "watches"
GIVEN_UP = "given up"
"""A required list or stream was unavailable."""
STAY_SECONDS = 10
"""How long a client reads before it disconnects; while all rest, it stays away."""
JUDGED = 0.1
"""The share of events that are validated."""
SHAPES = {
    "added": "SaContextEvent",
    "modified": "SaContextEvent",
    "deleted": "SaContextDeleted",
    "snapshot_end": "StreamPosition",
    "bookmark": "StreamPosition",
    "reset": "StreamPosition",
    "reconnect": "StreamEnd",
}


@dataclass
class Shown:
    """The contexts of a list."""

    epoch: str
    revision: int
    contents: dict[int, Any]


class Watching:
    """A client that watches a selection in a view, through several streams."""

    def __init__(self, client: Client, *, pause_seconds: float) -> None:
        random = client.random
        self._client = client
        self._pause_seconds = pause_seconds
        seen = list(client.scene.seen[LIST].objects)
        self._filters = SA_CONTEXTS.draw(random, seen) if random.random() < 0.5 else {}
        self._view = random.choice(["full", "basic"])
        self._is_initial = random.random() < 0.5
        self._query = [(name, value) for name, some in self._filters.items() for value in some]
        self._query.append(("view", self._view))
        self._mirror = Mirror(wants_initial=self._is_initial, is_basic=self._view == "basic")
        self._shown: Shown | None = None  # compared as soon as the events reach its revision

    async def stay(self) -> bool:
        """Watch for a while, from the last position; return whether to reconnect."""
        mirror = self._mirror
        if mirror.needs_list:  # it left before the first id
            self._forget()
        initial = [("initial", "true")] if self._is_initial else []
        target = f"{EVENTS}?{urlencode([*self._query, *initial])}"
        headers = {} if mirror.last_id is None else {"last-event-id": mirror.last_id}
        async with self._client.stream(target, headers) as (answer, pieces):
            if answer.status != 200:
                self._client.count(KIND, "rejected")
                await asyncio.sleep(int(answer.headers["retry-after"]))
                return True
            if mirror.last_id is not None:
                amid = "." in mirror.last_id
                self._client.count(KIND, "resumed amid a revision" if amid else "resumed")
            mirror.connect()
            outcome = "left"
            with suppress(TimeoutError):
                async with asyncio.timeout(STAY_SECONDS * self._client.random.uniform(0.1, 1)):
                    outcome = await self._read(answer, pieces)
            self._client.count(KIND, outcome)
        return outcome != GIVEN_UP

    def _forget(self) -> None:
        self._mirror.forget()
        self._shown = None

    async def _read(self, answer: Answer, pieces: AsyncIterator[bytes]) -> str:
        """Read until the end, or until all rest; return how it ended."""
        parser, scene = Parser(), self._client.scene
        try:
            async for piece in pieces:
                scene.outcomes.bytes += len(piece)
                if not await self._take_all(answer, parser.feed(piece)):
                    return GIVEN_UP
                if not scene.at_work.is_set():
                    return "left to rest"
                await self._pause()
        except CutOff:
            if scene.is_stopping:
                return "cut off by the stop"
            raise answer.violation("cut off") from None
        if not self._mirror.is_ended or not parser.is_between_events:
            raise answer.violation("ended without a word")
        return "asked to reconnect"

    async def _pause(self) -> None:
        """Between two pieces, wait, or read a list to compare with the stream."""
        if self._pause_seconds:
            await asyncio.sleep(self._client.random.uniform(0, self._pause_seconds))
        if self._shown is None and self._mirror.place is not None:
            self._shown = await self._list()

    async def _take_all(self, answer: Answer, events: list[Event]) -> bool:
        """Apply events, reading lists as required; return whether those were available."""
        for event in events:
            self._take(answer, event)
            if self._mirror.needs_list:
                shown = await self._list()
                if shown is None or not self._mirror.is_in(shown.epoch):
                    self._forget()  # what has arrived may be of an earlier run
                    return False
                self._mirror.show(shown.epoch, shown.revision, shown.contents)
        return True

    def _take(self, answer: Answer, event: Event) -> None:
        if event.kind == "reset":
            self._shown = None  # the events up to there may never arrive
        if event.event_id is not None and self._shown is not None:
            self._compare(answer, self._shown, event.event_id)
        if self._client.random.random() < JUDGED:
            self._judge(answer, event)
        try:
            self._mirror.take(event)
        except AssertionError as error:
            raise answer.violation(f"{event.kind} {event.event_id}: {error!r}") from error
        if event.kind == "reset":
            self._client.count(KIND, "reset")

    def _compare(self, answer: Answer, shown: Shown, event_id: str) -> None:
        """Compare the contexts with a list before applying later events."""
        epoch, revision, _ = place_of(event_id)
        if epoch == shown.epoch and revision <= shown.revision:
            return
        self._shown = None
        place = self._mirror.place
        if place is None or epoch != shown.epoch:
            return
        if place > (shown.epoch, shown.revision, float("inf")):
            return  # its contexts at that point are unknown now
        held = self._mirror.contents
        self._client.count(KIND, "compared")
        if held != shown.contents:
            differing = {
                number
                for number in held.keys() | shown.contents.keys()
                if held.get(number) != shown.contents.get(number)
            }
            raise answer.violation(
                f"at {shown.revision}, {len(held)} are held and {len(shown.contents)} listed; "
                f"not alike: {sorted(differing)[:10]}"
            )

    def _judge(self, answer: Answer, event: Event) -> None:
        text = event.text.encode()
        if shows_key(text):
            raise answer.violation("key material")
        reason = reason_against(event.data, SCHEMA + SHAPES[event.kind])
        if reason is not None:
            raise answer.violation(f"{event.kind} is no {SHAPES[event.kind]}: {reason}")
        if "saContext" in event.data and not SA_CONTEXTS.matches(
            event.data["saContext"], self._filters
        ):
            raise answer.violation(f"{event.event_id} does not match {self._filters}")
        if self._view == "basic" and any(name in text for name in BASIC_LEAVES_OUT):
            raise answer.violation("more than the basic view")

    async def _list(self) -> Shown | None:
        """Return the watched contexts as a list shows them; None if none is available.

        Some come from a current snapshot: on a busy machine, a stream may end before the next.
        """
        age = self._client.random.choice([0, 2, 60])
        target = f"{LIST}?{urlencode([*self._query, ('maxAge', age)])}"
        contents: dict[int, Any] = {}
        body = b""
        async with self._client.stream(target, {"accept": NDJSON}) as (answer, pieces):
            if answer.status != 200:
                return None
            with suppress(CutOff):
                async for piece in pieces:
                    body += piece
        for line in body.splitlines():
            context = orjson.loads(line)
            if "end" in context:
                snapshot = context["snapshot"]
                return Shown(snapshot["epoch"], snapshot["revision"], contents)
            contents[int(context["saContextId"])] = context
        return None


async def watch(client: Client, *, pause_seconds: float, absent_seconds: float) -> None:
    """Watch a selection, disconnect, and reconnect.

    Args:
        client: the watching client.
        pause_seconds: the longest pause before a piece.
        absent_seconds: the longest time away.
    """
    watching = Watching(client, pause_seconds=pause_seconds)
    for _ in range(client.random.choice([1, 4, 10])):
        if not await watching.stay():
            return
        await asyncio.sleep(client.random.uniform(0, absent_seconds))


async def watched_ids(client: Client, timeout_seconds: float) -> list[int]:
    """Return the ids of all contexts, as a stream that begins with them lists them.

    The basic view is read within the maximum duration of a stream on a slow machine, too.

    Raises:
        Violation: no stream listed them in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        mirror, parser = Mirror(wants_initial=True), Parser()
        mirror.connect()
        async with client.stream(f"{EVENTS}?initial=true&view=basic") as (answer, pieces):
            if answer.status != 200:  # others may have all the streams
                await asyncio.sleep(int(answer.headers["retry-after"]))
                continue
            async for piece in pieces:
                for event in parser.feed(piece):
                    mirror.take(event)
                    if event.kind == "snapshot_end":
                        return sorted(mirror.contents)
    raise Violation("no stream lists all contexts")


async def watch_to_the_end(client: Client, begun: asyncio.Event) -> None:
    """Watch until the server stops, which the stream must announce.

    Raises:
        Violation: it did not.
    """
    while not begun.is_set():
        async with client.stream(EVENTS) as (answer, pieces):
            if answer.status != 200:  # others may have all the streams
                await asyncio.sleep(int(answer.headers["retry-after"]))
                continue
            parser = Parser()
            events: list[Event] = []
            with suppress(CutOff):
                async for piece in pieces:
                    begun.set()
                    events += parser.feed(piece)
            if not events or events[-1].kind != "reconnect":
                raise answer.violation("it stopped without a word")
            client.count(KIND, "stop announced")
