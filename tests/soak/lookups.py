"""Clients that send small requests: one context, the counts, the server's own state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.soak.client import Client
from tests.soak.contract import NDJSON, Answer
from tests.soak.filters import LISTINGS
from tests.soak.schemas import DOCUMENT
from tests.soak.walks import LIST


PROBLEM_CODES = DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"]
PARSERS = {
    "text/plain": text_string_to_metric_families,
    "application/openmetrics-text": cast(
        Callable[[str], Iterator[Metric]], openmetrics.text_string_to_metric_families
    ),
}
CLOCK = timedelta(seconds=0.1)
"""How far the system clock may be set back meanwhile."""


async def poll(client: Client) -> None:
    """Request a fresh page of a list; its snapshot is no older than requested."""
    path = client.random.choice(LISTINGS).path
    age = client.random.choice([None, 0, 0, 0.3, 2])
    query = {"limit": str(client.random.choice([1, 10, 100])), **({} if age is None else
             {"maxAge": str(age)})}  # fmt: skip
    asked = datetime.now(UTC)
    answer = await client.ask(f"{path}?{urlencode(query)}")
    if answer.status != 200:
        return
    client.scene.seen[path].remember(answer.content, client.random)
    _check_age(answer, asked, 1 if age is None else age)
    client.count(f"polls of {path}", "not running" if "ikeext" in answer.content else "fresh")


async def look_up(client: Client) -> None:
    """Request an object of a list, then revalidate it."""
    listing = client.random.choice(LISTINGS)
    target = f"{listing.path}/{client.scene.seen[listing.path].id(client.random, listing.id_name)}"
    if client.random.random() < 0.1:
        await client.ask(target, "HEAD")
    answer = await client.ask(target)
    if answer.status != 200:
        return
    if not target.endswith(f"/{answer.content[listing.id_name]}"):
        raise answer.violation("another object than asked for")
    etag = answer.headers["etag"]
    again = await client.ask(target, headers={"if-none-match": etag})
    is_same = again.headers.get("etag") == etag
    if again.status in (200, 304) and is_same != (again.status == 304):
        raise again.violation(f"the tag was {etag}")


async def summarize(client: Client) -> None:
    """Request counts; the parts add up to no more than the whole."""
    age, peers = client.random.choice([0, 0.5, 5]), client.random.randrange(20)
    asked = datetime.now(UTC)
    answer = await client.ask(f"{LIST}/summary?maxAge={age}&peers={peers}")
    if answer.status != 200:
        return
    _check_age(answer, asked, age)
    content = answer.content
    counts = [
        each["contexts"]
        for name in ("ipVersion", "trafficType", "cipher", "integrity", "pfsGroup", "weakness")
        for each in content[name]
    ]
    busiest = [peer["contexts"] for peer in content["peers"]]
    if max(counts, default=0) > content["contexts"]:
        raise answer.violation("a part is more than the whole")
    if len(busiest) != min(peers, content["peerCount"]) or busiest != sorted(busiest, reverse=True):
        raise answer.violation("these are not the busiest peers")


async def read_rules(client: Client) -> None:
    """Request the filters of a page of contexts, then revalidate one of them."""
    page = await client.ask(f"{LIST}?limit=20")
    if page.status != 200:
        return
    sas = (sa for item in page.content["items"] for sa in (item["inboundSa"], item["outboundSa"]))
    for rule in [sa["transportFilter"] for sa in sas if sa and sa["transportFilter"]][:5]:
        target = f"/filters/{rule['filterId']}"
        answer = await client.ask(target)
        if answer.status == 200:
            if answer.content["name"] != rule["name"]:
                raise answer.violation("another name than the context shows")
            await client.ask(target, headers={"if-none-match": answer.headers["etag"]})
    await client.ask(f"/filters/{client.random.choice(['0', 'x', '1?limit=1'])}")
    await client.ask("/filters/1", headers={"accept": "text/html"})


async def read_counters(client: Client) -> None:
    """Request the engine's counters; they are at most a second old, and rise within an epoch."""
    before: dict[str, Any] = {}
    for _ in range(5):
        asked = datetime.now(UTC)
        answer = await client.ask("/statistics/ipsec")
        if answer.status == 200:
            sample = answer.content["sample"]
            _check_taken(answer, sample["takenAt"], asked, 1)
            if before and sample["epoch"] == before["sample"]["epoch"]:
                added = [
                    each["aggregateSaStatistics"]["totalSasAdded"]
                    for each in (before, answer.content)
                ]
                if (added[1] - added[0]) % sample["modulus"] > sample["modulus"] // 2:
                    raise answer.violation(f"a counter fell from {added[0]}")
            before = answer.content
        await client.ask("/statistics/ike")


async def probe(client: Client) -> None:
    """Request the server's own state."""
    for target in ("/health/live", "/health/ready", "/engine"):
        await client.ask(target)
    for media_type, parse in PARSERS.items():
        metrics = await client.ask("/metrics", headers={"accept": media_type})
        try:
            families = {family.name for family in parse(metrics.body.decode())}
        except ValueError as error:
            raise metrics.violation(f"no metrics: {error}") from error
        if not {"wfp_up", "wfp_sa_contexts", "sa_contexts_problems"} <= families:
            raise metrics.violation("metrics are missing")
    await client.ask(f"/problems/{client.random.choice(PROBLEM_CODES)}")
    await client.ask(f"{LIST}?limit=5", "HEAD")
    await client.ask(LIST, "HEAD", {"accept": NDJSON})
    page = await client.ask("/openapi.json")
    if page.content != DOCUMENT:
        raise page.violation("not the published document")
    readable = await client.ask("/docs")
    for asset in re.findall(r'(?:src|href)="(docs/[^"]+)"', readable.body.decode()):
        if (await client.ask(f"/{asset}")).status != 200:
            raise readable.violation(f"there is no {asset}")
    again = await client.ask("/openapi.json", headers={"if-none-match": page.headers["etag"]})
    if again.status != 304:
        raise again.violation("the document has not changed")


def _check_age(answer: Answer, asked: datetime, age: float) -> None:
    """Check that the refresh began at most `age` seconds before the request arrived."""
    _check_taken(answer, answer.content["snapshot"]["takenAt"], asked, age)


def _check_taken(answer: Answer, at: str, asked: datetime, age: float) -> None:
    """Check that what was read at a time was at most `age` seconds old when it was asked for."""
    taken = datetime.fromisoformat(at)
    if taken < asked - timedelta(seconds=age) - CLOCK:
        raise answer.violation(f"read {(asked - taken).total_seconds():.3f} s before it was asked")
