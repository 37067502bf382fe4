"""`/peers` over HTTP, against a recount of what the other lists show."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.peers.schema import PeerDetail, PeerExportEnd, PeerPage
from app.schemas.names import PeerSort
from tests.answers.recount import peers_of, recount
from tests.api.live import Live
from tests.api.test_kinds import NDJSON
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve
from tests.resources.test_sa_context_routes import content_of, walk
from tests.sse import Parser


MAIN_MODE_FAILURE = 0
AUTHENTICATION_FAILED = 13801
NUMBERS = ("bytesInbound", "bytesOutbound", "bytesInboundPerSecond", "bytesOutboundPerSecond")


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=400, expected_peers="192.0.2.99")


def everything(client: TestClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    pages = walk(client, path, limit=1000, **parameters)
    return [item for page in pages for item in content_of(page)["items"]]


def without_rates(peer: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on how often the connections were sampled."""
    return {name: value for name, value in peer.items() if not name.endswith("PerSecond")}


def stable(peer: dict[str, Any]) -> dict[str, Any]:
    """What a recount can know of a peer."""
    unknown = {*NUMBERS, "recentFailures", "lastChange"}
    known = {name: value for name, value in peer.items() if name not in unknown}
    return known | {"weaknesses": {*peer["weaknesses"]}}


@pytest.mark.parametrize("limit", [7, 1000])
def test_a_walk_gives_each_peer_once_as_a_recount_does(many: TestClient, limit: int) -> None:
    pages = [*walk(many, "/peers", limit=limit)]

    for page in pages:
        PeerPage.model_validate_json(page.content)
    found = [peer for page in pages for peer in content_of(page)["items"]]
    expected = recount(
        everything(many, "/sa-contexts"), everything(many, "/ike-sas"), expected=["192.0.2.99"]
    )
    assert {peer["address"]: stable(peer) for peer in found} == expected
    addresses = [ip_address(peer["address"]) for peer in found]
    assert addresses == sorted(addresses, key=lambda each: (each.version, each.packed))


def test_bytes_are_those_of_the_connections(many: TestClient) -> None:
    peers = everything(many, "/peers")

    inbound: Counter[str] = Counter()
    for connection in everything(many, "/connections"):
        inbound[connection["remoteAddress"]] += int(connection["bytesTransferredIn"])
    assert sum(inbound.values())
    assert {peer["address"]: int(peer["bytesInbound"]) for peer in peers} == {
        peer["address"]: inbound[peer["address"]] for peer in peers
    }


ORDERS: dict[PeerSort, Callable[[dict[str, Any]], Any]] = {
    PeerSort.BYTES: lambda peer: int(peer["bytesInbound"]) + int(peer["bytesOutbound"]),
    PeerSort.SA_CONTEXTS: lambda peer: peer["saContexts"],
    PeerSort.FAILURES: lambda peer: sum(each["count"] for each in peer["recentFailures"]),
    PeerSort.LAST_CHANGE: lambda peer: peer["lastChange"] or "",
}


@pytest.mark.parametrize("sort", PeerSort)
def test_a_sorted_walk_gives_each_peer_once_in_order(
    many: TestClient, simulator: Simulator, sort: PeerSort
) -> None:
    many.get("/peers")
    simulator.net_events(50)
    simulator.churn(20)
    simulator.flush()
    found = [
        peer
        for page in walk(many, "/peers", limit=7, sort=sort.value, maxAge=0)
        for peer in content_of(page)["items"]
    ]

    values = [*map(ORDERS[sort], found)]
    assert values == sorted(values, reverse=True)
    assert len({*values}) > 2
    assert len(found) == len({peer["address"] for peer in found}) == len(everything(many, "/peers"))


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"state": "protected"}, lambda peer: peer["state"] == "protected"),
        ({"state": ["down", "partial"]}, lambda peer: peer["state"] in {"down", "partial"}),
        ({"weakness": "sha_1"}, lambda peer: "sha_1" in peer["weaknesses"]),
        ({"weakness": "any"}, lambda peer: bool(peer["weaknesses"])),
        ({"subnet": "10.0.0.0/9"}, lambda peer: on_subnet(peer, "10.0.0.0/9")),
        (
            {"principalName": "HOST/d*"},
            lambda peer: any(name.startswith("host/d") for name in peer["principalNames"]),
        ),
        (
            {"weakness": "any", "subnet": "10.0.0.0/9"},
            lambda peer: bool(peer["weaknesses"]) and on_subnet(peer, "10.0.0.0/9"),
        ),
    ],
)
def test_a_filtered_walk_gives_what_matches(
    many: TestClient, query: dict[str, Any], matches: Callable[[dict[str, Any]], bool]
) -> None:
    expected = [peer for peer in everything(many, "/peers") if matches(peer)]

    assert expected
    assert everything(many, "/peers", **query) == expected


def on_subnet(peer: dict[str, Any], subnet: str) -> bool:
    return ip_address(peer["address"]) in ip_network(subnet)


def test_an_export_has_the_peers_of_the_list(many: TestClient) -> None:
    *lines, end = many.get("/peers", headers=NDJSON).iter_lines()

    PeerExportEnd.model_validate_json(end)
    assert (
        f"[{','.join(lines)}]"
        == many.get("/peers?limit=1000").text.partition('"items":')[2].partition(',"monitoring"')[0]
    )


def test_a_peer_is_shown_with_the_objects_behind_its_numbers(many: TestClient) -> None:
    contexts = everything(many, "/sa-contexts")
    summaries = {
        each["saContextId"]: each for each in everything(many, "/sa-contexts", view="summary")
    }
    ike_sas, connections = everything(many, "/ike-sas"), everything(many, "/connections")
    peers = everything(many, "/peers")
    many.get("/connections?maxAge=0")  # as the refresh ahead of the request above may do: samples
    for peer in peers:
        response = many.get(f"/peers/{peer['address']}")
        detail = response.json()

        PeerDetail.model_validate_json(response.content)
        address = peer["address"]
        assert without_rates({name: detail[name] for name in peer}) == without_rates(peer)
        assert detail["saContextItems"] == [
            summaries[each["saContextId"]] for each in contexts if address in peers_of(each)
        ]
        assert detail["ikeSaItems"] == [
            each for each in ike_sas if each["ikeTraffic"]["remoteAddress"] == address
        ]
        assert detail["connectionItems"] == [
            each for each in connections if each["remoteAddress"] == address
        ]
        assert len(detail["natClientItems"]) == detail["natClients"]
        assert detail["diagnosis"]


def test_an_unknown_peer_is_a_problem(many: TestClient) -> None:
    assert many.get("/peers/192.0.2.98").json()["code"] == "peer_not_found"
    assert many.get("/peers/nobody").json()["code"] == "invalid_parameters"


def test_a_peer_shows_what_ended_as_the_list_of_ended_contexts_does(
    many: TestClient, simulator: Simulator
) -> None:
    contexts = everything(many, "/sa-contexts")
    shared = Counter(address for each in contexts for address in peers_of(each))
    address = next(address for address, count in shared.items() if count > 1)
    first, *others = (each for each in contexts if address in peers_of(each))
    simulator.delete(int(first["saContextId"]))
    everything(many, "/sa-contexts", maxAge=0)

    response = many.get(f"/peers/{address}")
    PeerDetail.model_validate_json(response.content)
    listed = many.get(f"/sa-contexts/ended?remoteAddress={address}").json()["items"]
    assert [each["saContextId"] for each in listed] == [first["saContextId"]]
    assert response.json()["ended"] == listed

    for each in others:
        simulator.delete(int(each["saContextId"]))
    for sa in everything(many, "/ike-sas"):
        if sa["ikeTraffic"]["remoteAddress"] == address:
            simulator.delete_ike_sa(int(sa["saId"]))
    assert address not in {peer["address"] for peer in everything(many, "/peers", maxAge=0)}
    problem = assert_problem(many.get(f"/peers/{address}"), 404, "peer_not_found")
    assert f"/sa-contexts/ended?remoteAddress={address}" in problem["detail"]


def test_bytes_and_failures_make_no_revision(many: TestClient, simulator: Simulator) -> None:
    first = content_of(many.get("/peers?limit=1000&maxAge=0"))
    for number in simulator.connections():
        simulator.set_connection_bytes(number, 7, 5)
    protected = next(peer for peer in first["items"] if peer["bytesInbound"] != "0")
    simulator.net_events(20)
    simulator.flush()
    second = content_of(many.get("/peers?limit=1000&maxAge=0"))

    assert any(each["recentFailures"] for each in second["items"])
    assert second["snapshot"]["epoch"] == first["snapshot"]["epoch"]
    known = {peer["address"] for peer in first["items"]}
    again = {peer["address"]: peer for peer in second["items"]}
    if known == again.keys():
        assert second["snapshot"]["revision"] == first["snapshot"]["revision"]
    assert int(again[protected["address"]]["bytesInbound"]) % 7 == 0
    for peer in first["items"]:
        assert stable(peer) == stable(again[peer["address"]])


def test_rates_are_the_growth_between_two_samples(many: TestClient, simulator: Simulator) -> None:
    for number in simulator.connections():
        simulator.set_connection_bytes(number, 1000, 0)
    began = time.monotonic()
    first = {peer["address"]: peer for peer in everything(many, "/peers", maxAge=0)}
    for number in simulator.connections():
        simulator.set_connection_bytes(number, 1_001_000, 0)
    second = everything(many, "/peers", maxAge=0)
    seconds = time.monotonic() - began

    counted = [peer for peer in first.values() if peer["bytesInbound"] != "0"]
    assert {peer["bytesInboundPerSecond"] for peer in counted} == {None}
    for peer in second:
        growth = int(peer["bytesInbound"]) - int(first[peer["address"]]["bytesInbound"])
        assert peer["bytesInboundPerSecond"] >= int(growth / seconds)
        assert (peer["bytesInboundPerSecond"] > 0) is (growth > 0)
        assert peer["bytesOutboundPerSecond"] == 0


def test_an_engine_that_counts_no_bytes_gives_null(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=20)
    simulator.monitor_connections(is_on=False)
    page = content_of(client.get("/peers?maxAge=0"))

    assert page["monitoring"] == "off"
    assert {peer[name] for peer in page["items"] for name in NUMBERS} == {None}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Two keys: one for `sa:read` alone, and one that may also see failures."""
    path = tmp_path / "keys.json"
    return {
        "path": str(path),
        "plain": make_key(path, "sa:read", "events:read", name="plain"),
        "all": make_key(path, "sa:read", "events:read", "diagnostics:read", name="all"),
    }


def test_without_the_scope_failures_affect_nothing(
    serve: Serve, simulator: Simulator, keys: dict[str, str]
) -> None:
    client = serve(contexts=4, api_keys_file=keys["path"], expected_peers="192.0.2.99")

    def get(path: str, key: str) -> Any:
        return client.get(path, headers={"Authorization": f"Bearer {keys[key]}"})

    before = get("/peers?maxAge=0", "plain").json()
    simulator.populate(0, 1)
    simulator.flush()
    simulator.net_events(100)
    simulator.flush()
    failing = get("/peers?maxAge=0&state=failing&limit=1000", "all").json()["items"]
    shown = get("/peers?maxAge=0&limit=1000", "plain").json()

    assert failing
    assert all(peer["recentFailures"] for peer in failing)
    assert [peer["address"] for peer in shown["items"]] == ["192.0.2.99"]
    assert all("recentFailures" not in peer for peer in before["items"] + shown["items"])
    for query in ("state=failing", "state=down&state=failing", "sort=-failures"):
        problem = assert_problem(get(f"/peers?{query}", "plain"), 403, "insufficient_scope")
        assert "diagnostics:read" in problem["detail"]
        assert get(f"/peers?{query}", "all").status_code == 200
    assert get("/peers/events?state=failing", "plain").status_code == 403
    address = failing[0]["address"]
    unknown = get(f"/peers/{address}", "plain").json()
    assert (unknown["code"], "diagnostics:read" in unknown["detail"]) == ("peer_not_found", True)
    absent = get("/peers/192.0.2.98", "all").json()["detail"]
    assert "failed in the last hour" in absent
    assert "diagnostics:read" not in absent
    down = get("/peers/192.0.2.99", "plain").json()["diagnosis"]
    assert "diagnostics:read" in " ".join(each["finding"] for each in down)
    assert get(f"/peers/{address}", "all").json()["state"] == "failing"
    cursor = get("/peers?state=failing&limit=1", "all").json()["nextCursor"]
    assert get(f"/peers?cursor={cursor}", "plain").status_code == 410
    simulator.populate(40, 1)
    simulator.flush()
    cursor = get("/peers?maxAge=0&limit=1", "plain").json()["nextCursor"]
    continued = get(f"/peers?cursor={cursor}", "all")
    assert continued.content == get(f"/peers?cursor={cursor}", "plain").content


def test_a_list_and_a_watch_from_its_revision_miss_nothing(simulator: Simulator) -> None:
    with Live(simulated_contexts=40, refresh_interval_seconds=0.2) as live:
        page = live.client.get("/peers?limit=1000&maxAge=0").json()
        peers = {peer["address"]: without_numbers(peer) for peer in page["items"]}
        position = f"{page['snapshot']['epoch']}-{page['snapshot']['revision']}"
        with live.client.stream("GET", f"/peers/events?since={position}") as response:
            events = parsed(response)
            for _ in range(5):
                simulator.churn(30)
                live.client.get("/peers?maxAge=0")
            last = live.client.get("/peers?limit=1000&maxAge=0").json()
            expected = {peer["address"]: without_numbers(peer) for peer in last["items"]}
            revision = 0
            while revision < last["snapshot"]["revision"]:
                event = next(events)
                revision = event.data["revision"]
                if event.kind == "deleted":
                    del peers[event.data["address"]]
                elif event.kind in {"added", "modified"}:
                    peer = event.data["peer"]
                    assert (peer["address"] in peers) is (event.kind == "modified")
                    assert peers.get(peer["address"]) != peer
                    peers[peer["address"]] = peer
                if event.kind == "bookmark" and revision >= last["snapshot"]["revision"]:
                    break
            while peers != expected:  # further events of the same revision
                event = next(events)
                if event.kind == "deleted":
                    del peers[event.data["address"]]
                else:
                    peers[event.data["peer"]["address"]] = event.data["peer"]


def without_numbers(peer: dict[str, Any]) -> dict[str, Any]:
    return {name: peer[name] for name in peer if name not in {*NUMBERS, "recentFailures"}}


def parsed(response: Any) -> Any:
    parser = Parser()
    for piece in response.iter_raw():
        yield from parser.feed(piece)
