"""`/metrics`: values are correct in both formats, and scraping calls no engine."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, NoReturn, cast
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from pydantic import ValidationError
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.api.problems import KINDS
from app.middleware.metrics import MetricsMiddleware
from app.resources.sa_contexts.counts import counts_of
from app.service import Service
from app.settings.model import Settings
from app.telemetry.metrics.http import HttpMetrics
from app.telemetry.metrics.registry import Metrics
from bindings.capture.build import Tree
from tests.api.test_engine import until
from tests.conftest import Serve


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

parse_open = cast(Callable[[str], Iterator[Metric]], openmetrics.text_string_to_metric_families)

OF_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
"""The header `Accept` of Prometheus 2.42."""
OF_A_LONG_NAME = {"inboundSa": {"saBundle": {"ipsecId": {"mmTargetName": "x" * 65}}}}
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def samples(client: TestClient) -> Samples:
    """Return all samples; assert that none is repeated."""
    found: Samples = {}
    for family in parse_text(client.get("/metrics").text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(client: TestClient, name: str, **labels: str) -> float | None:
    return samples(client).get((name, frozenset(labels.items())))


def state(client: TestClient) -> str:
    """Return the value of the only sample."""
    states = {
        dict(labels)["wfp_state"]: on
        for (name, labels), on in samples(client).items()
        if name == "wfp_state"
    }
    assert sum(states.values()) == 1
    return next(name for name, on in states.items() if on)


def service_of(client: TestClient) -> Service:
    return cast(Service, cast(Any, client.app).state.service)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, TEXT),
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        (OF_PROMETHEUS, OPEN_METRICS),
        ("application/openmetrics-text; version=9.9\x7f", OPEN_METRICS),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.3", TEXT),
        ("application/openmetrics-text;q=0, */*", TEXT),
    ],
)
def test_the_text_is_the_one_that_is_wanted_more(
    client: TestClient, accept: str | None, expected: str
) -> None:
    client.headers.pop("accept")

    response = client.get("/metrics", headers={} if accept is None else {"Accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == expected
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept, Accept-Encoding"


def test_what_is_neither_is_refused(client: TestClient) -> None:
    response = client.get("/metrics", headers={"Accept": "application/json"})

    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    assert client.get("/metrics?name=x").json()["code"] == "invalid_parameters"


def test_both_formats_have_the_same_samples(client: TestClient) -> None:
    client.get("/sa-contexts?maxAge=0")
    text = client.get("/metrics", headers={"Accept": "text/plain"}).text
    open_ = client.get("/metrics", headers={"Accept": OF_PROMETHEUS}).text

    def exposed(families: Iterable[Metric]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {
            (sample.name, frozenset(sample.labels.items()))
            for family in families
            for sample in family.samples
            if "/metrics" not in sample.labels.values()  # the first request is in the second text
        }

    assert exposed(parse_text(text)) == exposed(parse_open(open_))
    assert open_.endswith("# EOF\n")
    assert {family.type for family in parse_open(open_)} == {
        *("gauge", "counter", "histogram", "info", "stateset")
    }


@pytest.mark.parametrize(
    "parameter",
    ["ipVersion", "trafficType", "transformType", "cipher", "integrity", "pfsGroup", "weakness"],
)
def test_each_count_is_that_of_the_list(serve: Serve, parameter: str) -> None:
    client = serve(contexts=300)
    client.get("/sa-contexts?maxAge=0")
    label = "".join(f"_{c.lower()}" if c.isupper() else c for c in parameter)
    counted = {
        dict(labels)[label]: number
        for (name, labels), number in samples(client).items()
        if name == f"wfp_sa_contexts_by_{label}"
    }

    assert sum(counted.values()) > 0
    for word, number in counted.items():
        ndjson = client.get(
            "/sa-contexts",
            params={parameter: word, "maxAge": 3600},
            headers={"Accept": "application/x-ndjson"},
        )
        assert ndjson.status_code == 200
        assert json.loads(ndjson.text.splitlines()[-1])["count"] == number, word


def test_all_contexts_are_counted(serve: Serve) -> None:
    client = serve(contexts=300)
    summary = client.get("/sa-contexts/summary?maxAge=0").json()

    assert value(client, "wfp_sa_contexts") == summary["contexts"] == 300
    assert value(client, "wfp_sa_contexts_without_sa") == summary["withoutSa"]
    assert value(client, "wfp_sa_contexts_with_weakness") == summary["withWeakness"]
    assert value(client, "wfp_peers") == summary["peerCount"]
    assert value(client, "wfp_ikeext_up") == 1
    assert value(client, "wfp_up") == 1
    assert state(client) == "ready"


def test_a_scrape_costs_the_engine_nothing(client: TestClient, simulator: Simulator) -> None:
    client.get("/sa-contexts?maxAge=0")
    client.get("/tunnels")  # whose policies are also read without a request
    before = simulator.calls("*")

    for _ in range(3):
        assert client.get("/metrics").status_code == 200

    assert simulator.calls("*") == before


def test_a_scrape_takes_as_many_steps_for_many_contexts_as_for_few(serve: Serve) -> None:
    def steps(contexts: int) -> int:
        client = serve(contexts=contexts)
        until(lambda: value(client, "wfp_sa_contexts") == contexts)
        metrics: Metrics = cast(Any, client.app).state.metrics
        events: Counter[str] = Counter()
        sys.setprofile(lambda _frame, event, _argument: events.update([event]))
        try:
            metrics.text()
        finally:
            sys.setprofile(None)
        return events["call"] + events["c_call"]

    few, many = steps(200), steps(4000)

    assert few > 1000
    assert many == pytest.approx(few, rel=0.02)  # larger numbers take one more step to write


class NotWalked(Counter[bytes]):
    """Counts that allow look-ups but no iteration."""

    def _refuse(self, *_: object) -> NoReturn:
        raise AssertionError("a scrape goes through what grows with contexts")

    __iter__ = keys = values = items = most_common = copy = total = _refuse  # type: ignore[assignment]


class NotTouched:
    """SA contexts that must not be read."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"a scrape asks contexts for {name}")


def test_a_scrape_looks_at_counts_and_not_at_contexts(serve: Serve) -> None:
    client = serve(contexts=30, expected_peers="10.1.2.3")
    client.get("/sa-contexts?limit=1&maxAge=0")
    store = service_of(client).store
    contents = store.state
    assert contents is not None
    edition = contents.build
    many = {number.to_bytes(4, "big"): 1 for number in range(100_000)}
    counts = counts_of(contents.counts)
    counts.contexts = 100_000
    counts._peers = NotWalked(many)  # noqa: SLF001  # there is no other way in
    there: Any = NotTouched()
    version = replace(edition.snapshot, ids=there, index_keys=there)
    client.get("/metrics")
    before = client.get("/metrics").text
    contents.build = edition._replace(snapshot=version, counts=counts, fingerprints=there)

    with pytest.raises(AssertionError):
        counts.peers(1)
    after = client.get("/metrics").text

    assert value(client, "wfp_sa_contexts") == 100_000
    assert value(client, "wfp_peers") == 100_000
    assert after.count("\n") == before.count("\n")


def test_it_is_scraped_before_the_first_refresh(serve: Serve, simulator: Simulator) -> None:
    simulator.delay("FwpmEngineOpen0", 500)
    client = serve(contexts=3)

    assert state(client) == "starting"
    assert value(client, "wfp_up") == 0
    assert value(client, "wfp_sa_contexts") is None
    assert value(client, "wfp_last_refresh_success_timestamp_seconds") is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "unavailable"),
        (5, "access_denied"),
        (0x80320012, "busy"),
        (1745, "not_supported"),
        (8, "failed"),
    ],
)
def test_a_failing_engine_is_reported_with_its_reason(
    serve: Serve, simulator: Simulator, code: int | None, reason: str
) -> None:
    client = serve(contexts=3)
    client.get("/sa-contexts?maxAge=0")
    refreshed_at = value(client, "wfp_last_refresh_success_timestamp_seconds")
    assert value(client, "sa_contexts_refresh_failures_total", reason=reason) == 0

    if code is None:
        simulator.stop_engine()
    else:
        simulator.fail("IPsecSaContextCreateEnumHandle0", code, times=0)
    client.get("/sa-contexts?maxAge=0")

    assert state(client) == reason
    assert value(client, "wfp_up") == 0
    assert value(client, "wfp_sa_contexts") is None
    assert value(client, "wfp_sa_contexts_by_weakness", weakness="des") is None
    assert value(client, "wfp_last_refresh_success_timestamp_seconds") == refreshed_at
    assert value(client, "sa_contexts_refresh_failures_total", reason=reason) == 1

    simulator.clear_failures()
    simulator.start_engine()
    client.get("/sa-contexts?maxAge=0")

    assert state(client) == "ready"
    assert value(client, "sa_contexts_epochs_total") == (2 if code is None else 1)


@pytest.mark.parametrize(
    ("settings", "reason", "code"),
    [
        ({"max_enumeration_objects": 2}, "too_large", "engine_answer_too_large"),
        ({"max_enumeration_bytes": 5000}, "too_large", "engine_answer_too_large"),
        ({"max_record_elements": 64}, "malformed", "engine_error"),
    ],
)
def test_engine_that_returns_too_much_is_reported_with_the_reason(
    serve: Serve, simulator: Simulator, settings: dict[str, int], reason: str, code: str
) -> None:
    client = serve(contexts=3, **settings)
    tree = Tree("IPSEC_SA_CONTEXT1", OF_A_LONG_NAME)
    simulator.put(tree.address)

    response = client.get("/sa-contexts?maxAge=0")

    assert (response.status_code, response.json()["code"]) == (500, code)
    assert state(client) == reason
    assert client.get("/engine").json()["reasons"][0]["code"] == code


def test_an_old_answer_is_stale(serve: Serve) -> None:
    client = serve(contexts=3, ready_max_age_seconds=0.01)
    client.get("/sa-contexts?maxAge=0")

    until(lambda: state(client) == "stale")

    assert value(client, "wfp_up") == 0


def test_a_stopped_ikeext_is_reported(serve: Serve, simulator: Simulator) -> None:
    simulator.fail("IPsecSaContextCreateEnumHandle0", 0x80320044, times=0)
    client = serve(contexts=3)
    client.get("/sa-contexts?maxAge=0")

    assert (value(client, "wfp_ikeext_up"), value(client, "wfp_sa_contexts")) == (0, 0)
    simulator.clear_failures()


def test_refreshes_are_measured(serve: Serve) -> None:
    client = serve(contexts=7)
    until(lambda: value(client, "wfp_up") == 1)
    before = samples(client)[("sa_contexts_refresh_duration_seconds_count", frozenset())]

    for _ in range(3):
        client.get("/sa-contexts?maxAge=0")

    refreshes = value(client, "sa_contexts_refresh_duration_seconds_count")
    assert refreshes == before + 3
    assert value(client, "sa_contexts_refresh_contexts_total") == 7 * refreshes


def test_leases_are_counted(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=50)
    for _ in range(2):
        client.get("/sa-contexts?limit=10&maxAge=0")
        simulator.churn(10)
    client.get("/sa-contexts?limit=100&maxAge=0")

    body = client.get("/sa-contexts?limit=1000&maxAge=3600").json()
    length = len(json.dumps(body["items"], separators=(",", ":"), ensure_ascii=False).encode())
    assert value(client, "sa_contexts_leased_snapshots") == 2
    held = value(client, "sa_contexts_leased_snapshot_bytes")
    assert held == service_of(client).store.leases.bytes(None) > 0
    assert value(client, "sa_contexts_snapshot_bytes") == length - len(body["items"]) - 1
    assert (value(client, "sa_contexts_journal_changes") or 0) >= 10
    assert (value(client, "sa_contexts_journal_bytes") or 0) > 0


def test_only_expected_addresses_have_a_series(serve: Serve) -> None:
    client = serve(contexts=250)
    busiest = client.get("/sa-contexts/summary?peers=1000&maxAge=0").json()["peers"]
    named = [busiest[0]["remoteAddress"], busiest[5]["remoteAddress"], "2001:DB8:0::1"]
    assert "wfp_sa_contexts_by_peer" not in client.get("/metrics").text
    client = serve(contexts=250, expected_peers=", ".join([*named, "user05@corp.example"]))
    client.get("/sa-contexts?maxAge=0")

    counted = {
        dict(labels)["peer"]: number
        for (name, labels), number in samples(client).items()
        if name == "wfp_sa_contexts_by_peer"
    }

    contexts = {peer["remoteAddress"]: peer["contexts"] for peer in busiest}
    assert counted.pop("other") == sum(contexts.values()) - contexts[named[0]] - contexts[named[1]]
    assert counted == {
        named[0]: contexts[named[0]],
        named[1]: contexts[named[1]],
        "2001:db8::1": 0,
    }


def test_peers_are_counted_through_changes(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=200, expected_peers="192.0.2.1")
    for _ in range(5):
        simulator.churn(50)
        peers = client.get("/sa-contexts/summary?peers=1000&maxAge=0").json()["peers"]

        other = value(client, "wfp_sa_contexts_by_peer", peer="other")

        assert other == sum(peer["contexts"] for peer in peers)


def test_there_are_not_too_many_peers() -> None:
    most = [str(ip_address(number)) for number in range(1000)]

    peers = Settings.model_validate({"expected_peers": ",".join(most)}).expected_peers

    assert [str(peer) for peer in peers or ()] == most
    for wrong in (",".join([*most, "::1"]), ",".join([*most, "host"]), "10.0.0.0/8"):
        with pytest.raises(ValidationError):
            Settings.model_validate({"expected_peers": wrong})


def requests(client: TestClient) -> Iterator[tuple[str, str, str, float]]:
    for (name, labels), number in samples(client).items():
        if name == "sa_contexts_http_requests_total":
            of = dict(labels)
            yield of["method"], of["route"], of["status"], number


def test_requests_are_counted_by_their_route(client: TestClient) -> None:
    for method, target in (
        ("GET", "/sa-contexts?limit=1"),
        ("GET", "/sa-contexts?limit=0"),
        ("HEAD", "/sa-contexts"),
        ("GET", "/sa-contexts/1"),
        ("GET", "/sa-contexts/2"),
        ("HEAD", "/sa-contexts/2"),
        ("POST", "/engine"),
        ("GET", "/nothing"),
        ("HEAD", "/nothing/else"),
        ("BREW", "/engine"),
        ("STEEP", "/engine"),
    ):
        client.request(method, target)

    assert set(requests(client)) == {
        ("GET", "/sa-contexts", "200", 1),
        ("GET", "/sa-contexts", "422", 1),
        ("HEAD", "/sa-contexts", "200", 1),
        ("GET", "/sa-contexts/{saContextId}", "404", 2),
        ("HEAD", "/sa-contexts/{saContextId}", "404", 1),
        ("POST", "/engine", "405", 1),
        ("GET", "unmatched", "404", 1),
        ("HEAD", "unmatched", "404", 1),
        ("other", "/engine", "405", 2),
    }
    of_route = {"method": "GET", "route": "/sa-contexts"}
    assert value(client, "sa_contexts_http_request_duration_seconds_count", **of_route) == 2
    assert value(client, "sa_contexts_http_requests_in_progress") == 1


def test_requests_that_fail_are_counted(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Metrics) -> NoReturn:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(Metrics, "text", fail)
        assert client.get("/metrics").status_code == 500

    assert set(requests(client)) == {("GET", "/metrics", "500", 1)}
    assert value(client, "sa_contexts_problems_total", code="internal_error") == 1


@pytest.mark.anyio
async def test_requests_are_counted_whose_clients_left() -> None:
    registry = CollectorRegistry()

    async def leave(*_: object) -> None:
        pass

    app = MetricsMiddleware(leave, Mock(spec=Metrics, http=HttpMetrics(registry)))
    await app({"type": "http", "method": "GET"}, cast(Any, leave), leave)
    await app({"type": "lifespan"}, cast(Any, leave), leave)

    labels = {"method": "GET", "route": "unmatched", "status": "none"}
    assert registry.get_sample_value("sa_contexts_http_requests_total", labels) == 1
    assert registry.get_sample_value("sa_contexts_http_requests_in_progress") == 0


def test_queues_and_evictions_are_counted(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=50, max_snapshots=1)
    for _ in range(3):
        client.get("/sa-contexts?limit=10&maxAge=0")
        simulator.churn(10)
    capacity = service_of(client).capacity
    capacity.filtering.waits, capacity.filtering.wait_seconds = 7, 0.5
    found = samples(client)

    assert found["sa_contexts_evicted_leases_total", frozenset()] == 2
    queues = {
        dict(labels)["queue"]: number
        for (name, labels), number in found.items()
        if name == "sa_contexts_queue_waits_total"
    }
    assert queues == {"turns": 0, "engine": 0, "filtering": 7, "compression": 0}
    filtering = frozenset({("queue", "filtering")})
    assert found["sa_contexts_queue_wait_seconds_total", filtering] == 0.5
    assert found["sa_contexts_queue_waiting", filtering] == 0
    assert found["sa_contexts_queue_occupied_seats", filtering] == 0
    turns = frozenset({("queue", "turns")})
    assert found["sa_contexts_queue_occupied_seats", turns] <= capacity.turns.seats


def test_problems_are_counted_by_their_code(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=50, max_snapshots=1)
    client.get("/sa-contexts?limit=10&maxAge=0")
    store = service_of(client).store
    assert store.current is not None
    with store.leases.pin(store.current):
        simulator.churn(10)
        client.get("/sa-contexts?limit=10&maxAge=0")
    client.get("/sa-contexts?cursor=x")

    counted = {
        dict(labels)["code"]: number
        for (name, labels), number in samples(client).items()
        if name == "sa_contexts_problems_total"
    }

    assert set(counted) == set(KINDS)
    assert {code for code, number in counted.items() if number} == {
        "too_many_snapshots",
        "cursor_invalid",
    }
