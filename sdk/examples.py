"""Examples for the OpenAPI document: the responses of a server on a simulator with a fixed seed.

Only values that differ between runs or machines (the host, times, the epoch, cursors,
the library's path) are replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from httpx2 import Response
from sa_contexts_simulator import LIBRARY, Simulator
from starlette.testclient import TestClient

from app.answers.history.recorder import HistoryRecorder
from app.api.problems import KINDS
from app.bootstrap import create_service
from app.main import create_app
from app.settings.model import Settings


SEED: Final = 1
CONTEXTS: Final = 250

CURSOR: Final = (
    "1.5b5b7ad2.eyJlIjoiYjg5MzkzM2ZlZGM5IiwiciI6MSwiYSI6IjE2Njc2NTM4IiwiayI6InNhLWNvbnRleHRz"
    "In0.Eg_xGk86ZI5hh9dVED1BeA"
)
_ANY_CURSOR: Final = re.compile(r"1\.[0-9a-f]{8}\.[\w-]+\.[\w-]{22}", re.ASCII)
_EPOCH: Final = re.compile(r"(?<![-0-9a-f])[0-9a-f]{12}(?=[-\"])")
_TIME: Final = re.compile(r"(?<=\"time\":\")[^\"]+")
_REPLACED: Final = {
    "startedAt": "2026-11-23T23:53:23.828198Z",
    "epoch": "b893933fedc9",
    "host": "WEB01",
    "revision": 1,  # on a slow machine, another refresh may come first
    "durationSeconds": 0.059997901,
    "leasedSnapshots": 1,
    "takenAt": "2026-11-23T23:53:23.828198Z",
    "since": "2026-11-23T23:53:23.828198Z",
    "time": "2026-11-23T23:53:23.828198Z",
    "newest": "2026-11-23T23:53:23.828198Z",
}

_SHOWN_METRICS: Final = re.compile(
    r"(?:# (?:HELP|TYPE) )?wfp_(?:up|state|engine(?:_info)?|sa_contexts(?:_by_weakness)?)[ {]"
)
"""Matches the lines of a few metrics whose values are the same in every run."""
_ANY_HOST: Final = re.compile(r'(?<=host=")[^"]*')

Examples = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Examples in OpenAPI's form, by operation, status, media type and name."""


@dataclass
class Collection:
    """The examples collected so far."""

    examples: Examples = field(default_factory=dict)

    def add(self, operation: str, name: str, summary: str, response: Response) -> None:
        """Keep a response as an example of an operation."""
        media_type = response.headers["content-type"].partition(";")[0]
        of_status = self.examples.setdefault(operation, {}).setdefault(
            str(response.status_code), {}
        )
        of_status.setdefault(media_type, {})[name] = {
            "summary": summary,
            "value": _value(response),
        }

    def add_ends(self, operation: str, empty: str, client: TestClient) -> None:
        """Keep how pages and exports of a list end, with filters that nothing meets (`empty`)."""
        page = client.get(empty)
        self.add(operation, "no_more", "The last page, here of an empty list", page)
        export = client.get(empty, headers={"Accept": "application/x-ndjson"})
        self.add(operation, "export", "The last line, here the only one", export)

    def add_problem(self, operation: str, response: Response) -> None:
        """Keep a response with a problem as an example, under the problem's code."""
        kind = KINDS[response.json()["code"]]
        assert response.status_code == kind.status
        self.add(operation, kind.code, kind.title, response)


def collect() -> Examples:
    """Request all examples from running servers; return them."""
    collection = Collection()
    simulator = Simulator()
    simulator.reset()
    with _server() as client:
        spi = _contexts(client, collection)
        _main_mode_sas(client, collection)
        _certificates(client, collection)
        _connections(client, collection)
        _peers(client, collection)
        _tunnels(client, collection)
        _filters(client, collection)
        _engine(client, collection)
        _events(spi, collection)  # starts other servers, which populate the same simulator again
        _rejected_requests(client, collection)
        _other(client, collection)
        _net_events(client, simulator, collection)
        _failures(client, collection)
        _engine_failing(client, simulator, collection)
        _statistics(client, simulator, collection)
    _ended(simulator, collection)
    _history(collection)
    simulator.reset()
    return collection.examples


def simulated_app(**settings: Any) -> FastAPI:
    """Return the application on a simulator that does not change by itself."""
    quiet: dict[str, Any] = {
        "engine": "simulator",
        "simulated_churn": 0,
        "simulated_net_events": 0,
        "refresh_min_interval_seconds": 0,
        "refresh_interval_seconds": 3600,
    }
    return create_app(create_service(Settings(**{**quiet, **settings})), log_requests="off")


@contextmanager
def _server(**settings: Any) -> Iterator[TestClient]:
    app = simulated_app(simulated_contexts=CONTEXTS, simulated_seed=SEED, **settings)
    with TestClient(app, "http://localhost") as client:
        yield client


def _contexts(client: TestClient, collection: Collection) -> int:
    """Collect the examples with contexts; return an SPI of the context that is shown in full."""
    first = client.get("/sa-contexts?limit=1&view=basic")
    collection.add("list_sa_contexts", "page", "A page of the basic view; more follow", first)
    collection.add_ends("list_sa_contexts", "/sa-contexts?localSubnet=203.0.113.0/24", client)
    summary = client.get("/sa-contexts/summary?peers=2")
    collection.add(
        "summarize_sa_contexts",
        "summary",
        "Counts, and the two peers with the most contexts",
        summary,
    )
    short = _short(client.get("/sa-contexts?limit=1000").json()["items"])
    one = client.get(f"/sa-contexts/{short}")
    collection.add("get_sa_context", "sa_context", "One that has an id above 2^53", one)
    spi: int = one.json()["inboundSa"]["saBundle"]["saList"][0]["spi"]
    return spi


def _events(spi: int, collection: Collection) -> None:
    with _server(max_stream_seconds=0.1) as brief:
        url = f"/sa-contexts/events?initial=true&view=basic&spi={spi}"
        collection.add("watch_sa_contexts", "initial", "One context, and no change", brief.get(url))
    with _server(max_streams=0) as full:
        collection.add_problem("watch_sa_contexts", full.get("/sa-contexts/events"))


def _main_mode_sas(client: TestClient, collection: Collection) -> None:
    first = client.get("/ike-sas?limit=1&keyModule=authip&authenticationMethod=ssl")
    collection.add("list_ike_sas", "page", "A page; more follow", first)
    collection.add_ends("list_ike_sas", "/ike-sas?localSubnet=203.0.113.0/24", client)
    one = client.get(f"/ike-sas/{first.json()['items'][0]['saId']}")
    collection.add("get_ike_sa", "ike_sa", "One with a certificate and a user's name", one)
    collection.add_problem("list_ike_sas", client.get("/ike-sas?keyModule=ikev3"))
    collection.add_problem("get_ike_sa", client.get("/ike-sas/1"))


def _certificates(client: TestClient, collection: Collection) -> None:
    page = client.get("/certificates?side=local&limit=1")
    collection.add("list_certificates", "page", "One of this host's; more follow", page)
    peers = client.get("/certificates?side=peer&limit=1")
    collection.add("list_certificates", "peer", "One of a peer's, whose expiry is unknown", peers)
    one = client.get(f"/certificates/{page.json()['items'][0]['thumbprint']}")
    collection.add("get_certificate", "certificate", "One of this host's", one)
    collection.add_problem("list_certificates", client.get("/certificates?expiresWithin=soon"))
    collection.add_problem("get_certificate", client.get(f"/certificates/{'00' * 20}"))


def _peers(client: TestClient, collection: Collection) -> None:
    first = client.get("/peers?limit=1&sort=-bytes")
    collection.add("list_peers", "page", "The peer with most bytes; more follow", first)
    collection.add_ends("list_peers", "/peers?subnet=192.0.2.0/24", client)
    address = min(
        (peer["completeSaContexts"] == 0, peer["saContexts"], peer["address"])
        for peer in client.get("/peers?limit=1000").json()["items"]
    )[2]
    one = client.get(f"/peers/{address}")
    collection.add("get_peer", "peer", "One with its SA contexts and a diagnosis", one)
    collection.add_problem("list_peers", client.get("/peers?sort=bytes"))
    collection.add_problem("get_peer", client.get("/peers/192.0.2.1"))
    url = f"/peers/events?initial=true&subnet={address}"
    with _server(max_stream_seconds=0.2) as brief:
        collection.add("watch_peers", "initial", "One peer, and no change", brief.get(url))


def _tunnels(client: TestClient, collection: Collection) -> None:
    first = client.get("/tunnels?limit=1&state=up&keyModule=ikev2")
    collection.add("list_tunnels", "page", "A page; more follow", first)
    collection.add_ends("list_tunnels", "/tunnels?localAddress=203.0.113.1", client)
    key = first.json()["items"][0]["providerContextKey"]
    one = client.get(f"/tunnels/{key}")
    collection.add("get_tunnel", "tunnel", "One that is up", one)
    collection.add_problem("list_tunnels", client.get("/tunnels?state=connected"))
    collection.add_problem("get_tunnel", client.get(f"/tunnels/{UUID(int=1)}"))
    url = "/tunnels/events?initial=true&state=template&localAddress=203.0.113.1"
    with _server(max_stream_seconds=0.2) as brief:
        collection.add("watch_tunnels", "initial", "No tunnel, and no change", brief.get(url))


def _connections(client: TestClient, collection: Collection) -> None:
    first = client.get("/connections?limit=1&trafficType=tunnel&keyModule=ikev2")
    collection.add("list_connections", "page", "A page; more follow", first)
    collection.add_ends("list_connections", "/connections?localSubnet=203.0.113.0/24", client)
    one = client.get(f"/connections/{first.json()['items'][0]['connectionId']}")
    collection.add("get_connection", "connection", "One through a tunnel", one)
    cursor = client.get("/sa-contexts?limit=1").json()["nextCursor"]
    for query in (f"cursor={cursor}", "keyModule=ikev3"):
        collection.add_problem("list_connections", client.get(f"/connections?{query}"))
    collection.add_problem("get_connection", client.get("/connections/1"))


def _filters(client: TestClient, collection: Collection) -> None:
    tunnels = client.get("/sa-contexts?limit=1000&trafficType=tunnel").json()["items"]
    ids = (sa["transportFilter"]["filterId"] for each in tunnels if (sa := each["outboundSa"]))
    found = (client.get(f"/filters/{filter_id}") for filter_id in ids)
    one = next(each for each in found if each.is_success)
    collection.add("get_filter", "filter", "One that leads to a tunnel's policy", one)
    collection.add_problem("get_filter", client.get("/filters/1"))


def _net_events(client: TestClient, simulator: Simulator, collection: Collection) -> None:
    for type_, code, seed in ((1, 13868, 1), (4, 0xC0360001, 4), (0, 13801, 232)):
        simulator.net_event(type_, code, seed)
    assert simulator.flush()
    page = client.get("/net-events?limit=2")
    collection.add("list_net_events", "page", "The two newest; there are more", page)
    collection.add_problem("list_net_events", client.get("/net-events?cursor=x&type=any"))
    rejected = client.get("/net-events", headers={"Accept": "text/html"})
    collection.add_problem("list_net_events", rejected)
    with _server(max_stream_seconds=0.1) as brief:
        epoch = brief.get("/net-events").json()["items"][0]["id"].partition("-")[0]
        url = f"/net-events/events?since={epoch}-2"
        collection.add("watch_net_events", "one", "One event, and the end", brief.get(url))
    with _server(max_streams=0) as full:
        collection.add_problem("watch_net_events", full.get("/net-events/events"))
    simulator.collect_net_events(False)
    with _server() as deaf:
        none = deaf.get("/net-events")
        collection.add("list_net_events", "disabled", "The engine does not collect them", none)
    simulator.collect_net_events()


def _ended(simulator: Simulator, collection: Collection) -> None:
    with _server() as client:
        for context in client.get("/sa-contexts?limit=2").json()["items"]:
            simulator.delete(int(context["saContextId"]))
        client.get("/sa-contexts?maxAge=0")
        url = "/sa-contexts/ended?limit=1"
        while (page := client.get(url)).json()["monitoring"] == "unknown":
            pass  # the first sample of connections is still to be taken
        collection.add("list_ended_sa_contexts", "page", "The newest; there are more", page)
        problem = client.get("/sa-contexts/ended?endReason=expired&since=yesterday")
        collection.add_problem("list_ended_sa_contexts", problem)


def _failures(client: TestClient, collection: Collection) -> None:
    occurred = client.get("/failures?occurred=true")
    collection.add("list_failures", "occurred", "Those that occurred here", occurred)
    collection.add_problem("list_failures", client.get("/failures?family=any"))
    one = client.get("/failures/ERROR_IPSEC_IKE_POLICY_MATCH")
    collection.add("get_failure", "error", "An error of IKE, by its name", one)
    event = client.get("/failures/event-4653")
    collection.add("get_failure", "event", "An event of the Security log", event)
    collection.add_problem("get_failure", client.get("/failures/event-1"))


def _history(collection: Collection) -> None:
    with _server() as client:
        app: Any = client.app
        recorder: HistoryRecorder = app.state.service.part(HistoryRecorder)
        client.get("/sa-contexts?maxAge=0")
        assert client.portal is not None
        client.portal.call(recorder.measure)
        recorder.rows.add(0, client.portal.call(recorder.measure))  # instead of a minute's wait
        collection.add("get_history", "minute", "One minute", client.get("/history"))
        collection.add_problem("get_history", client.get("/history?since=yesterday"))


def _short(items: list[Any]) -> str:
    """Return the id of the shortest context that has all parts and an id above 2^53."""
    whole = [
        item
        for item in items
        if int(item["saContextId"]) > 1 << 53
        and all(item[sa] and item[sa]["transportFilter"] for sa in ("inboundSa", "outboundSa"))
    ]
    return str(min(whole, key=lambda item: len(str(item)))["saContextId"])


def _rejected_requests(client: TestClient, collection: Collection) -> None:
    for query in ("cursor=x", "limit=0&localSubnet=10.0.0.1/8"):
        collection.add_problem("list_sa_contexts", client.get(f"/sa-contexts?{query}"))
    cursor = client.get("/sa-contexts?limit=1").json()["nextCursor"]
    mismatch = client.get(f"/sa-contexts?cursor={cursor}&localSubnet=10.0.0.0/8")
    collection.add_problem("list_sa_contexts", mismatch)
    not_accepted = client.get("/sa-contexts", headers={"Accept": "text/html"})
    collection.add_problem("list_sa_contexts", not_accepted)
    collection.add_problem("summarize_sa_contexts", client.get("/sa-contexts/summary?peers=x"))
    with _server(snapshot_idle_timeout_seconds=1e-9) as forgetful:
        cursor = forgetful.get("/sa-contexts?limit=1").json()["nextCursor"]
        collection.add_problem("list_sa_contexts", forgetful.get(f"/sa-contexts?cursor={cursor}"))
    collection.add_problem("get_sa_context", client.get("/sa-contexts/1"))
    collection.add_problem("get_sa_context", client.get("/sa-contexts/fe43c37a"))


def _engine(client: TestClient, collection: Collection) -> None:
    collection.add("get_engine", "ready", "A simulated engine, read well", client.get("/engine"))
    for name, accept in (("prometheus", "text/plain"), ("open", "application/openmetrics-text")):
        metrics = client.get("/metrics", headers={"Accept": accept})
        collection.add("get_metrics", name, "Some of the metrics", metrics)
    collection.add_problem(
        "get_metrics", client.get("/metrics", headers={"Accept": "application/json"})
    )


def _statistics(client: TestClient, simulator: Simulator, collection: Collection) -> None:
    simulator.churn(200)
    ipsec = client.get("/statistics/ipsec")
    collection.add("get_ipsec_statistics", "statistics", "SAs, drops and bytes", ipsec)
    ike = client.get("/statistics/ike")
    collection.add("get_ike_statistics", "statistics", "Negotiations, and why they failed", ike)
    with _server() as another:
        for code, function in ((5, "IPsecGetStatistics1"), (0x80320044, "IkeextGetStatistics1")):
            simulator.fail(function, code, times=0)
        collection.add_problem("get_ipsec_statistics", another.get("/statistics/ipsec"))
        collection.add_problem("get_ike_statistics", another.get("/statistics/ike"))
        simulator.clear_failures()


def _other(client: TestClient, collection: Collection) -> None:
    collection.add("get_liveness", "live", "The server is up", client.get("/health/live"))
    collection.add("get_readiness", "ready", "The engine answers", client.get("/health/ready"))
    explanation = client.get("/problems/cursor_expired")
    collection.add("get_problem", "cursor_expired", "An explanation", explanation)
    collection.add_problem("get_problem", client.get("/problems/nothing"))


def _engine_failing(client: TestClient, simulator: Simulator, collection: Collection) -> None:
    for code, function in (
        (5, "IPsecSaContextCreateEnumHandle0"),
        (1722, "IPsecSaContextCreateEnumHandle0"),
        (8, "IPsecSaContextCreateEnumHandle0"),
    ):
        simulator.fail(function, code, times=0)
        collection.add_problem("list_sa_contexts", client.get("/sa-contexts?maxAge=0"))
        simulator.clear_failures()
    collection.add(
        "get_readiness",
        "not_ready",
        "The last contact failed",
        client.get("/health/ready"),
    )
    simulator.fail("IPsecSaContextGetById1", 0x80320012, times=0)
    collection.add_problem("get_sa_context", client.get("/sa-contexts/1"))
    simulator.clear_failures()


def _value(response: Response) -> Any:
    if response.headers["content-type"].startswith("application/x-ndjson"):
        lines = (_without_chance(json.loads(line)) for line in response.text.splitlines())
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if response.headers["content-type"].startswith("text/event-stream"):
        return _TIME.sub(str(_REPLACED["time"]), _EPOCH.sub(str(_REPLACED["epoch"]), response.text))
    if not response.headers["content-type"].partition(";")[0].endswith("json"):
        return _metrics(response.text)
    return _without_chance(response.json())


def _metrics(text: str) -> str:
    lines = text.splitlines(keepends=True)
    shown = (line for line in lines if _SHOWN_METRICS.match(line) or line == "# EOF\n")
    return _ANY_HOST.sub("WEB01", "".join(shown))


def _without_chance(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _REPLACED.get(name, _without_chance(each)) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_chance(each) for each in value]
    if isinstance(value, str):
        value = _EPOCH.sub(str(_REPLACED["epoch"]), value)
        library = str(LIBRARY.resolve())
        return _ANY_CURSOR.sub(CURSOR, value.replace(library, f"…/{PurePath(library).name}"))
    return value
