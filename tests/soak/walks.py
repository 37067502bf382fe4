"""Clients that walk through lists; `Walk` checks each page against the guarantees of paging."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

from tests.soak.client import Client
from tests.soak.contract import Answer
from tests.soak.filters import SA_CONTEXTS, Filters, Listing


LIST = SA_CONTEXTS.path
LARGEST = 1000
BASIC_LEAVES_OUT = (b'"filterCondition"', b'"ipsecId"')
REPEATED = 0.05
"""The share of pages that are requested again."""
SECOND = 1
"""The rounding error of `Snapshot-Expires`, which has no fractions."""


class Walk:
    """The state of one walk.

    Attributes:
        listing: the list.
        filters: the requested filters.
        view: the requested view.
        snapshot: the snapshot of all pages; None before the first.
        count: the number of objects so far.
        last: the id of the last object.
    """

    def __init__(self, listing: Listing, filters: Filters, view: str) -> None:
        self.listing = listing
        self.filters = filters
        self.view = view
        self.begin()

    def begin(self) -> None:
        """Restart."""
        self.snapshot: dict[str, Any] | None = None
        self.count = 0
        self.last = -1
        self._epoch: str | None = None
        self._revision = 0
        self._used = 0.0
        self._idle_seconds = 0
        self._expires = datetime.min.replace(tzinfo=UTC)

    def resume(self) -> None:
        """Continue in another snapshot."""
        assert self.snapshot is not None
        self._epoch, self._revision = self.snapshot["epoch"], self.snapshot["revision"]
        self.snapshot = None

    def take(self, page: Answer) -> str | None:
        """Check a page and return the target of the next, or None at the end.

        Raises:
            Violation: it is not the next page of this walk.
        """
        content = page.content
        self._check_snapshot(page, content["snapshot"])
        self._check_items(page, content["items"])
        cursor = content.get("nextCursor")
        link = page.headers.get("link")
        if (cursor is None) != (link is None):
            raise page.violation("nextCursor and Link do not agree")
        if cursor is None or link is None:
            return None
        if len(content["items"]) != min(_limit(page.target), LARGEST):
            raise page.violation("a page that is not the last is not full")
        found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
        if found is None or parse_qs(urlsplit(found[1]).query)["cursor"] != [cursor]:
            raise page.violation("Link is not nextCursor's")
        self._idle_seconds = int(page.headers["snapshot-idle-seconds"])
        self._expires = parsedate_to_datetime(page.headers["snapshot-expires"])
        self._used = page.asked
        following: str = urljoin(page.target, found[1])
        return following

    def ways_on(self, gone: Answer) -> tuple[str, str | None]:
        """Return the targets that restart and resume a walk whose snapshot expired.

        Raises:
            Violation: it expired too soon, or the targets are not this walk's.
        """
        idle = gone.answered - self._used
        left = (self._expires - datetime.now(UTC)).total_seconds()
        if self.snapshot is not None and idle < self._idle_seconds and left > SECOND:
            raise gone.violation(f"let go after {idle:.2f} s, {left:.1f} s before its end")
        if self.snapshot is None and "resumeUrl" in gone.content:
            raise gone.violation("a walk that could not be resumed can be")
        restart = urljoin(gone.target, gone.content["restartUrl"])
        asked = dict(parse_qsl(urlsplit(restart).query))
        filters = {
            name: sorted(values)
            for name, values in parse_qs(urlsplit(restart).query).items()
            if name not in ("limit", "view")
        }
        if filters != self.filters or asked.get("view", "full") != self.view:
            raise gone.violation(f"restartUrl is not for {self.filters}")
        resume = gone.content.get("resumeUrl")
        return restart, None if resume is None else urljoin(gone.target, resume)

    def _check_snapshot(self, page: Answer, snapshot: dict[str, Any]) -> None:
        if self.snapshot is None:
            if self._epoch is not None and (
                snapshot["epoch"] != self._epoch or snapshot["revision"] < self._revision
            ):
                raise page.violation("resumed in another epoch, or in an older snapshot")
            self.snapshot = snapshot
        elif snapshot != self.snapshot:
            raise page.violation(f"another snapshot than {self.snapshot}")

    def _check_items(self, page: Answer, items: list[dict[str, Any]]) -> None:
        if len(items) > min(_limit(page.target), LARGEST):
            raise page.violation("more objects than asked for")
        if not items and "cursor" in parse_qs(urlsplit(page.target).query) and not self._epoch:
            raise page.violation("an empty page")
        if self.view == "basic" and any(name in page.body for name in BASIC_LEAVES_OUT):
            raise page.violation("more than the basic view")
        for item in items:
            number = int(item[self.listing.id_name])
            if number <= self.last:
                raise page.violation(f"{number} after {self.last}")
            if not self.listing.matches(item, self.filters):
                raise page.violation(f"{number} does not match {self.filters}")
            self.last = number
        self.count += len(items)


async def walk(
    client: Client, *, listing: Listing = SA_CONTEXTS, max_pages: int, pause_seconds: float
) -> None:
    """Walk to the end of a list, unless it has too many pages."""
    random, seen, kind = client.random, client.scene.seen[listing.path], kind_of(listing)
    view = random.choice(["full", "full", "basic"]) if listing.has_view else "full"
    progress = Walk(listing, listing.draw(random, list(seen.objects)), view)
    target = _first(client, progress)
    for _ in range(max_pages):
        answer = await client.ask(target)
        match answer.status:
            case 200:
                client.scene.outcomes.contexts += len(answer.content["items"])
                seen.remember(answer.content, random)
                is_repeatable = progress.snapshot is not None
                following = progress.take(answer)
                if is_repeatable and random.random() < REPEATED:
                    await _ask_again(client, kind, answer)
                if following is None:
                    client.count(kind, "complete" if progress.count else "without any")
                    return
                target = _with_limit(client, following)
            case 410:
                restart, resume = progress.ways_on(answer)
                if resume is None or random.random() < 0.1:
                    client.count(kind, "restarted")
                    progress.begin()
                    target = restart
                else:
                    client.count(kind, "resumed")
                    progress.resume()
                    target = resume
            case 503:
                client.count(kind, "waited after 503")
                await asyncio.sleep(int(answer.headers["retry-after"]))
            case _:
                client.count(kind, "given up")
                return
        await asyncio.sleep(random.uniform(0, pause_seconds))
    client.count(kind, "left")


def kind_of(listing: Listing) -> str:
    """Return the kind under which outcomes of walks through a list are counted."""
    return f"walks of {listing.path}"


async def abandon(client: Client) -> None:
    """Request a large page, and disconnect when it begins to arrive."""
    async with client.stream(f"{LIST}?limit=1000&maxAge=60"):
        client.count(kind_of(SA_CONTEXTS), "page not read")


async def _ask_again(client: Client, kind: str, page: Answer) -> None:
    """Request a page of a leased snapshot again: it is identical, byte for byte."""
    again = await client.ask(page.target)
    if again.status == 200:
        if again.body != page.body:
            raise again.violation("the same page is not the same")
        client.count(kind, "page asked for again")


def _first(client: Client, progress: Walk) -> str:
    random = client.random
    query = [(name, value) for name, values in progress.filters.items() for value in values]
    random.shuffle(query)
    if progress.listing.has_view and (progress.view != "full" or random.random() < 0.5):
        query.append(("view", progress.view))
    query.append(("limit", str(_some_limit(client))))
    if random.random() < 0.5:
        query.append(("maxAge", random.choice(["0", "0.5", "5", "60"])))
    return f"{progress.listing.path}?{urlencode(query)}"


def _with_limit(client: Client, target: str) -> str:
    """Return the target, now and then with another page size."""
    if client.random.random() < 0.8:
        return target
    return re.sub(r"limit=\d+", f"limit={_some_limit(client)}", target)


def _some_limit(client: Client) -> int:
    """Return a page size from 1 to more than the maximum; half of them are below 30."""
    return int(10 ** client.random.uniform(0, 3.1))


def _limit(target: str) -> int:
    return int(parse_qs(urlsplit(target).query).get("limit", ["100"])[0])
