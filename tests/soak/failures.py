"""Clients that read net events, page by page or as a stream, and explanations of failures."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.soak.client import Client, CutOff
from tests.soak.contract import Answer
from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against
from tests.sse import Event, Parser


PATH = "/net-events"
KIND = "failures"
TYPES = DOCUMENT["components"]["schemas"]["NetEventType"]["enum"]
SHAPES = {
    "net_event": "NetEvent",
    "reset": "NetEventPosition",
    "bookmark": "NetEventPosition",
    "reconnect": "StreamEnd",
}
STAY_SECONDS = 5


def number_of(event_id: str) -> int:
    """Return an event's number, by which events are ordered."""
    return int(event_id.partition("-")[2])


async def list_failures(client: Client) -> None:
    """Read a list to its end: each page is newest first, and continues the one before."""
    random = client.random
    types = random.choice([[], [random.choice(TYPES)], random.sample(TYPES, 2)])
    seen = client.scene.seen[PATH]
    since = random.choice([[], [seen.id(random, "id")]]) if seen.objects else []
    oldest = number_of(since[0]) if since else 0
    query = {"type": types, "since": since, "limit": str(random.choice([1, 20, 1000]))}
    target, last, pages = f"{PATH}?{urlencode(query, doseq=True)}", None, 0
    while target:
        answer = await client.ask(target)
        if answer.status != 200:
            client.count(KIND, "not listed")
            return
        for item in answer.content["items"]:
            number = number_of(item["id"])
            if number <= oldest or (last is not None and number >= last):
                raise answer.violation(f"{number} after {last}, since {oldest}")
            if types and item["type"] not in types:
                raise answer.violation(f"{item['type']} was not asked for")
            last = number
        seen.remember(answer.content, random)
        target, pages = _following(answer), pages + 1
        if pages == 30:
            break
    client.count(KIND, "page after page" if pages > 1 else "list read to its end")


async def explain_failures(client: Client) -> None:
    """Request the explanations of what occurred, and of a code that means nothing."""
    answer = await client.ask("/failures?occurred=true")
    if answer.status != 200:
        client.count(KIND, "not explained")
        return
    totals = [item["occurrences"]["total"] for item in answer.content["items"]]
    if 0 in totals or totals != sorted(totals, reverse=True):
        raise answer.violation(f"occurrences {totals}")
    for item in answer.content["items"][:3]:
        one = await client.ask(f"/failures/{client.random.choice([item['id'], item['codeHex']])}")
        if one.status == 200 and one.content["id"] != item["id"]:
            raise one.violation("another failure than asked for")
    await client.ask("/failures")
    await client.ask("/failures/event-1")


def _following(answer: Answer) -> str:
    """Return the target of the next page; empty after the last."""
    cursor, link = answer.content.get("nextCursor"), answer.headers.get("link")
    if (cursor is None) != (link is None):
        raise answer.violation("nextCursor and Link do not agree")
    if cursor is None or link is None:
        return ""
    following = urljoin(answer.target, link[1:].partition(">")[0])
    asked, next_ = (parse_qs(urlsplit(target).query) for target in (answer.target, following))
    if next_ != {**asked, "cursor": [cursor]}:
        raise answer.violation(f"{following} is not the next page")
    return following


async def watch_failures(client: Client, *, absent_seconds: float) -> None:
    """Watch all failures, disconnect, and resume: their numbers have no gap, except at a reset."""
    last_id = ""
    for _ in range(client.random.choice([1, 4, 10])):
        headers = {"last-event-id": last_id}
        async with client.stream(f"{PATH}/events", headers) as (answer, pieces):
            if answer.status != 200:
                client.count(KIND, "not streamed")
                await asyncio.sleep(int(answer.headers["retry-after"]))
                continue
            if last_id:
                client.count(KIND, "resumed")
            parser = Parser()
            with suppress(TimeoutError, CutOff):
                async with asyncio.timeout(STAY_SECONDS * client.random.uniform(0.1, 1)):
                    async for piece in pieces:
                        for event in parser.feed(piece):
                            last_id = _take(client, answer, event, last_id)
                        if not client.scene.at_work.is_set():
                            break
            client.count(KIND, "left")
        await asyncio.sleep(client.random.uniform(0, absent_seconds))


def _take(client: Client, answer: Answer, event: Event, last_id: str) -> str:
    """Check an event, and return the position after it."""
    reason = reason_against(event.data, SCHEMA + SHAPES[event.kind])
    if reason is not None:
        raise answer.violation(f"{event.kind} is no {SHAPES[event.kind]}: {reason}")
    if event.kind == "reset":
        client.count(KIND, "reset")
    if event.event_id is None:
        return last_id
    number, last = number_of(event.event_id), number_of(last_id) if last_id else None
    if event.kind == "net_event" and last is not None and number != last + 1:
        raise answer.violation(f"{number} after {last}")
    return event.event_id
