"""Clients that send small requests: one context, the counts, the server's own state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.soak.client import Client
from tests.soak.contract import NDJSON, Answer
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
    """Request a fresh page; its snapshot is no older than requested."""
    age = client.random.choice([None, 0, 0, 0.3, 2])
    query = {"limit": str(client.random.choice([1, 10, 100])), **({} if age is None else
             {"maxAge": str(age)})}  # fmt: skip
    asked = datetime.now(UTC)
    answer = await client.ask(f"{LIST}?{urlencode(query)}")
    if answer.status != 200:
        return
    client.scene.seen.remember(answer.content, client.random)
    _check_age(answer, asked, 1 if age is None else age)
    client.count("polls", "not running" if "ikeext" in answer.content else "fresh")


async def look_up(client: Client) -> None:
    """Request a context, then revalidate it."""
    target = f"{LIST}/{client.scene.seen.id(client.random)}"
    if client.random.random() < 0.1:
        await client.ask(target, "HEAD")
    answer = await client.ask(target)
    if answer.status != 200:
        return
    if not target.endswith(f"/{answer.content['saContextId']}"):
        raise answer.violation("another context than asked for")
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
    again = await client.ask("/openapi.json", headers={"if-none-match": page.headers["etag"]})
    if again.status != 304:
        raise again.violation("the document has not changed")


def _check_age(answer: Answer, asked: datetime, age: float) -> None:
    """Check that the refresh began at most `age` seconds before the request arrived."""
    taken = datetime.fromisoformat(answer.content["snapshot"]["takenAt"])
    if taken < asked - timedelta(seconds=age) - CLOCK:
        raise answer.violation(f"read {(asked - taken).total_seconds():.3f} s before it was asked")
