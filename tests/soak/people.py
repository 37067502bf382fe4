"""Clients that ask what people ask: which peers and tunnels there are, and what ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin

from tests.mirror import place_of
from tests.soak.client import Client, CutOff
from tests.soak.contract import Answer
from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against
from tests.sse import Event, Parser


PEERS, ENDED, HISTORY, TUNNELS = "/peers", "/sa-contexts/ended", "/history", "/tunnels"
CERTIFICATES = "/certificates"
KIND = "peers"
MAX_PAGES = 20
STATES = DOCUMENT["components"]["schemas"]["TunnelState"]["enum"]
STAY_SECONDS = 5
REASONS = DOCUMENT["components"]["schemas"]["EndReason"]["enum"]
AFTER_RESET = "after a reset"
"""In place of a position: what follows in this piece belongs to objects that are unknown."""
POSITIONS = {
    "snapshot_end": "StreamPosition",
    "reset": "StreamPosition",
    "bookmark": "StreamPosition",
    "reconnect": "StreamEnd",
}


class Watched(NamedTuple):
    """A list with an event stream.

    Attributes:
        path: its path.
        kind: what its watches are counted as.
        member: the member of an event that has the object.
        id_name: the member of an object that identifies it.
    """

    path: str
    kind: str
    member: str
    id_name: str

    @property
    def shapes(self) -> dict[str, str]:
        """The shape of each event."""
        name = self.member.title()
        changes = {"added": "Event", "modified": "Event", "deleted": "Deleted"}
        return {**POSITIONS, **{kind: name + shape for kind, shape in changes.items()}}


WATCHED_PEERS = Watched(PEERS, "peer watches", "peer", "address")
WATCHED_TUNNELS = Watched(TUNNELS, "tunnel watches", "tunnel", "providerContextKey")


def total_bytes(peer: dict[str, Any]) -> int:
    """Return the bytes in both directions; less than any if they are not counted."""
    if peer["bytesInbound"] is None:
        return -1
    return int(peer["bytesInbound"]) + int(peer["bytesOutbound"])


def place_in_order(peer: dict[str, Any], sort: str) -> Any:
    """Return a value that never falls along a list of peers in this order."""
    if sort == "-bytes":
        return -total_bytes(peer)
    if sort == "-saContexts":
        return -peer["saContexts"]
    address = ip_address(peer["address"])
    return address.version, address.packed


async def read_peers(client: Client) -> None:
    """Read a list of peers to its end: each comes once, in order; then read one of them."""
    random = client.random
    sort = random.choice(["", "-bytes", "-saContexts"])
    query = {"sort": sort} if sort else {}
    state = random.choice(["", "protected", "partial"])
    query |= {"state": state} if state else {}
    target = f"{PEERS}?{urlencode({**query, 'limit': str(random.choice([10, 100, 1000]))})}"
    seen: set[str] = set()
    snapshot, last = None, None
    for number in range(MAX_PAGES):
        answer = await client.ask(target)
        if answer.status != 200:
            client.count(KIND, "not listed")
            return
        snapshot = snapshot or answer.content["snapshot"]
        if answer.content["snapshot"] != snapshot:
            raise answer.violation(f"another snapshot than {snapshot}")
        for peer in answer.content["items"]:
            place = place_in_order(peer, sort)
            if peer["address"] in seen or (last is not None and place < last):
                raise answer.violation(f"{peer['address']} is repeated or not in order")
            if state and peer["state"] != state:
                raise answer.violation(f"{peer['address']} is {peer['state']}")
            if "recentFailures" in peer:
                raise answer.violation("failures without the scope for them")
            seen.add(peer["address"])
            last = place
        if "nextCursor" not in answer.content:
            client.count(KIND, "page after page" if number else "list read to its end")
            break
        target = urljoin(target, answer.headers["link"][1:].partition(">")[0])
    if seen:
        await _read_peer(client, random.choice(sorted(seen)))
    await client.ask(f"{PEERS}/192.0.2.254")
    await client.ask(f"{PEERS}?{random.choice(['state=failing', 'sort=bytes', 'subnet=x'])}")


async def _read_peer(client: Client, address: str) -> None:
    """Read one peer: its lists have what its numbers say, and what ended was shared with it."""
    answer = await client.ask(f"{PEERS}/{address}")
    if answer.status != 200:
        return
    peer = answer.content
    if peer["address"] != address:
        raise answer.violation("another peer than asked for")
    if not peer["diagnosis"]:
        raise answer.violation("no diagnosis")
    if len(peer["saContextItems"]) > peer["saContexts"] + _CHANGED_MEANWHILE:
        raise answer.violation("more SA contexts than counted")
    _check_ended(answer, peer["ended"])
    client.count(KIND, "one")
    if peer["ended"]:
        client.count(KIND, "one with what ended")


_CHANGED_MEANWHILE = 100
"""How many SA contexts of one peer may come between a publication of the peers and the answer."""


async def read_tunnels(client: Client) -> None:
    """Read a list of tunnels to its end: each comes once, in order; then read one of them."""
    random = client.random
    state = random.choice(["", *STATES])
    query = {"state": state} if state and state != "failing" else {}
    target = f"{TUNNELS}?{urlencode({**query, 'limit': str(random.choice([3, 100]))})}"
    last = ""
    for number in range(MAX_PAGES):
        answer = await client.ask(target)
        if answer.status != 200:
            client.count("tunnels", "not listed")
            return
        for tunnel in answer.content["items"]:
            last = _check_tunnel(answer, tunnel, last)
            if state not in {"", "failing", tunnel["state"]}:
                raise answer.violation(f"{last} is {tunnel['state']}")
        if "nextCursor" not in answer.content:
            client.count("tunnels", "page after page" if number else "list read to its end")
            break
        target = urljoin(target, answer.headers["link"][1:].partition(">")[0])
    if last:
        answer = await client.ask(f"{TUNNELS}/{last}")
        if answer.status == 200:
            client.count("tunnels", "one")
    await client.ask(f"{TUNNELS}/00000000-0000-0000-0000-000000000000")
    await client.ask(f"{TUNNELS}?{random.choice(['state=failing', 'state=x'])}")


def _check_tunnel(answer: Answer, tunnel: dict[str, Any], last: str) -> str:
    """Check a tunnel, which follows the one with the key `last`; return its key."""
    key: str = tunnel["providerContextKey"]
    if key <= last:
        raise answer.violation(f"{key} after {last}")
    is_up = tunnel["completeSaContexts"] > 0
    if not tunnel["isFlapping"] and (tunnel["state"] == "up") != is_up:
        raise answer.violation(f"{key} is {tunnel['state']}")
    if "lastFailure" in tunnel:
        raise answer.violation("failures without the scope for them")
    return key


async def read_ended(client: Client) -> None:
    """Read what ended: the cursors lead backwards, and the filters hold."""
    random = client.random
    reason = random.choice([None, random.choice(REASONS)])
    query = {"limit": str(random.choice([1, 50, 1000])), "since": random.choice(["10s", "10m"])}
    query |= {"endReason": reason} if reason else {}
    target, rows = f"{ENDED}?{urlencode(query)}", 0
    last: int | None = None
    for number in range(MAX_PAGES):
        answer = await client.ask(target)
        if answer.status != 200:
            client.count("ended", "not listed")
            return
        items = answer.content["items"]
        _check_ended(answer, items)
        rows += len(items)
        if any(reason and each["endReason"] != reason for each in items):
            raise answer.violation(f"not only {reason}")
        cursor = answer.content.get("nextCursor")
        if (cursor is None) != ("link" not in answer.headers):
            raise answer.violation("nextCursor and Link do not agree")
        if cursor is None:
            client.count("ended", "page after page" if number else "list read to its end")
            break
        row = int(cursor.partition("-")[2])
        if last is not None and row >= last:
            raise answer.violation(f"{row} after {last}")
        last = row
        target = urljoin(target, answer.headers["link"][1:].partition(">")[0])
    if rows:
        client.count("ended", "some")
    await client.ask(f"{ENDED}?since=yesterday")


def _check_ended(answer: Answer, items: list[dict[str, Any]]) -> None:
    for each in items:
        if (each["endReason"] == "rekeyed") != ("replacedBy" in each["evidence"]):
            raise answer.violation(f"{each['endReason']} by {each['evidence']}")


async def read_history(client: Client) -> None:
    """Read the history: full minutes, each once, the oldest first."""
    answer = await client.ask(f"{HISTORY}?since={client.random.choice(['2m', '1d'])}")
    if answer.status == 200:
        times = [datetime.fromisoformat(row["time"]) for row in answer.content["items"]]
        gaps = {after - before for before, after in pairwise(times)}
        if any(gap < timedelta(minutes=1) for gap in gaps) or any(time.second for time in times):
            raise answer.violation("not minute by minute")
        if any(row["failures"] is not None for row in answer.content["items"]):
            raise answer.violation("failures without the scope for them")
        client.count("history", "some" if times else "none yet")
    await client.ask(f"{HISTORY}?since=0")


async def read_certificates(client: Client) -> None:
    """Read the certificates, ascending, and one of them."""
    side = client.random.choice(["local", "peer"])
    target, last = f"{CERTIFICATES}?side={side}&limit={client.random.choice([2, 1000])}", ""
    for number in range(MAX_PAGES):
        answer = await client.ask(target)
        if answer.status != 200:
            return
        found = [each["thumbprint"] for each in answer.content["items"]]
        if found != sorted({*found}) or (found and found[0] <= last):
            raise answer.violation(f"not ascending after {last}")
        if any(side not in each["sides"] for each in answer.content["items"]):
            raise answer.violation(f"not only {side}")
        if "link" not in answer.headers:
            client.count("certificates", "page after page" if number else "list read to its end")
            break
        last = found[-1]
        target = urljoin(target, answer.headers["link"][1:].partition(">")[0])
    if found and (await client.ask(f"{CERTIFICATES}/{found[-1]}")).status == 200:
        client.count("certificates", "one")
    await client.ask(f"{CERTIFICATES}/{'00' * 20}")
    await client.ask(f"{CERTIFICATES}?expiresWithin=soon")


async def watch_all(client: Client, *, watched: Watched, absent_seconds: float) -> None:
    """Watch all objects from the first on, disconnect, resume: each change fits what is known."""
    known: dict[str, Any] = {}
    last_id = ""
    for _ in range(client.random.choice([1, 4, 10])):
        target = f"{watched.path}/events{'' if last_id else '?initial=true'}"
        async with client.stream(target, {"last-event-id": last_id} if last_id else {}) as (
            answer,
            pieces,
        ):
            if answer.status != 200:
                client.count(watched.kind, "rejected")
                await asyncio.sleep(int(answer.headers.get("retry-after", "1")))
                continue
            if last_id:
                client.count(watched.kind, "resumed")
            else:
                known.clear()
            parser = Parser()
            with suppress(TimeoutError, CutOff):
                async with asyncio.timeout(STAY_SECONDS * client.random.uniform(0.1, 1)):
                    async for piece in pieces:
                        events = parser.feed(piece)
                        for event in events:
                            last_id = _take(client, answer, event, watched, known, last_id)
                        if any(event.kind == "reset" for event in events):
                            client.count(watched.kind, "reset")
                            last_id = ""  # begin again, with all objects
                            break
                        if not client.scene.at_work.is_set():
                            break
            client.count(watched.kind, "left")
        await asyncio.sleep(client.random.uniform(0, absent_seconds))


def _take(
    client: Client,
    answer: Answer,
    event: Event,
    watched: Watched,
    known: dict[str, Any],
    last_id: str,
) -> str:
    """Check an event, apply it to the known objects, and return the position after it."""
    if last_id == AFTER_RESET:
        return last_id
    shape = watched.shapes[event.kind]
    reason = reason_against(event.data, SCHEMA + shape)
    if reason is not None:
        raise answer.violation(f"{event.kind} is no {shape}: {reason}")
    if event.kind == "reset":
        return AFTER_RESET
    if event.kind == "snapshot_end":
        client.count(watched.kind, "all from the first on")
    _apply(answer, event, watched, known)
    if event.event_id is None:
        return last_id
    if last_id and place_of(event.event_id) < place_of(last_id):
        raise answer.violation(f"{event.event_id} after {last_id}")
    return event.event_id


def _apply(answer: Answer, event: Event, watched: Watched, known: dict[str, Any]) -> None:
    """Apply an event to the known objects, which it must fit."""
    if event.kind in {"added", "modified"}:
        found = event.data[watched.member]
        id_ = found[watched.id_name]
        if (id_ in known) != (event.kind == "modified"):
            raise answer.violation(f"{event.kind} {id_}")
        known[id_] = found
    elif event.kind == "deleted" and known.pop(event.data[watched.id_name], None) is None:
        raise answer.violation(f"deleted {event.data[watched.id_name]}")
