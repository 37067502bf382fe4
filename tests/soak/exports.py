"""Clients that export a list as NDJSON: quickly, slowly, or only in part."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import orjson

from tests.soak.canary import shows_key
from tests.soak.client import Client, CutOff
from tests.soak.contract import NDJSON, Answer, check_line
from tests.soak.filters import SA_CONTEXTS, Filters, Listing
from tests.soak.walks import BASIC_LEAVES_OUT, LIST


class Export:
    """The lines that one export has yielded so far.

    Attributes:
        ids: of the objects, in order of arrival.
        end: the last line; None until it arrives.
    """

    def __init__(self, listing: Listing, answer: Answer, filters: Filters, view: str) -> None:
        self.ids: list[int] = []
        self.end: dict[str, Any] | None = None
        self._listing = listing
        self._answer = answer
        self._filters = filters
        self._view = view

    def take(self, line: bytes) -> None:
        """Check a line.

        Raises:
            Violation: it is not the next line of this export.
        """
        if shows_key(line):
            raise self._answer.violation("key material")
        content = orjson.loads(line)
        check_line(self._answer, content)
        if self.end is not None:
            raise self._answer.violation("a line after the last")
        if "end" in content:
            self.end = content
            if content["count"] != len(self.ids):
                raise self._answer.violation(
                    f"{content['count']} announced, {len(self.ids)} received"
                )
            return
        number = int(content[self._listing.id_name])
        if self.ids and number <= self.ids[-1]:
            raise self._answer.violation(f"{number} after {self.ids[-1]}")
        if not self._listing.matches(content, self._filters):
            raise self._answer.violation(f"{number} does not match {self._filters}")
        if self._view == "basic" and any(name in line for name in BASIC_LEAVES_OUT):
            raise self._answer.violation("more than the basic view")
        self.ids.append(number)


async def export(
    client: Client, *, listing: Listing = SA_CONTEXTS, pause_seconds: float, leaves: bool
) -> None:
    """Read an export.

    Args:
        client: the reading client.
        listing: the list.
        pause_seconds: the longest pause before a piece.
        leaves: whether it disconnects before the end.
    """
    random, kind = client.random, f"exports of {listing.path}"
    seen = list(client.scene.seen[listing.path].objects)
    filters = listing.draw(random, seen) if random.random() < 0.3 else {}
    view = random.choice(["full", "basic"]) if listing.has_view else "full"
    query = [(name, value) for name, values in filters.items() for value in values]
    query += [("view", view)] if listing.has_view else []
    target = f"{listing.path}?{urlencode([*query, ('maxAge', random.choice([0, 1, 10]))])}"
    async with client.stream(target, {"accept": NDJSON}) as (answer, pieces):
        if answer.status != 200:
            client.count(kind, "rejected")
            if answer.status == 503:
                await asyncio.sleep(int(answer.headers["retry-after"]))
            return
        progress = Export(listing, answer, filters, view)
        lines = _lines(client, pieces, pause_seconds * random.random())
        most = random.randrange(2000) if leaves else None
        with suppress(CutOff):
            async for line in lines:
                progress.take(line)
                if most is not None and len(progress.ids) > most:
                    client.count(kind, "left")
                    return
    client.scene.outcomes.contexts += len(progress.ids)
    client.count(kind, _end(client, answer, progress))


async def export_ids(client: Client, timeout_seconds: float) -> list[int]:
    """Export the list until it succeeds and return the ids of all contexts.

    Raises:
        Violation: no export succeeded in time, or one was incomplete.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        async with client.stream(f"{LIST}?maxAge=0", {"accept": NDJSON}) as (answer, pieces):
            if answer.status == 200:
                progress = Export(SA_CONTEXTS, answer, {}, "full")
                with suppress(CutOff):
                    async for line in _lines(client, pieces, 0):
                        progress.take(line)
                if progress.end is None:
                    raise answer.violation("cut off")
                return progress.ids
        if answer.status != 503 or time.monotonic() > deadline:
            raise answer.violation("the server does not recover")
        await asyncio.sleep(int(answer.headers["retry-after"]))


def _end(client: Client, answer: Answer, progress: Export) -> str:
    """Return how an export ended that was read to its end."""
    if progress.end is not None:
        return "complete"
    if client.scene.is_stopping:
        return "cut off by the stop"
    if time.monotonic() - answer.asked < client.scene.hold_seconds:
        raise answer.violation("cut off too soon")
    return "cut off after the longest time"


async def _lines(
    client: Client, pieces: AsyncIterator[bytes], pause_seconds: float
) -> AsyncIterator[bytes]:
    """Yield the lines of a body; without a pause once the client must finish.

    Raises:
        CutOff: the body is incomplete, or ends within a line.
    """
    rest = b""
    async for piece in pieces:
        client.scene.outcomes.bytes += len(piece)
        if pause_seconds and not client.scene.is_hurrying:
            await asyncio.sleep(pause_seconds)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
    if rest:
        raise CutOff
