"""The names of rules and policies in SA contexts and net events, against the filters themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.repository.resource import Encoder
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.kind import SaContextKind
from bindings._fwpuclnt import ffi
from bindings.engine import Engine
from bindings.errors import NotFound
from bindings.library import Library
from bindings.rule_names import RuleNames
from tests.bindings.test_rule_names import put_filter
from tests.conftest import Serve


GET = ("FwpmFilterGetById0", "FwpmProviderContextGetById3", "FwpmProviderContextGetByKey3")


@pytest.fixture
def engine(library: Library) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine


def named(read: Callable[[], Any]) -> str | None:
    """Return the name of an object that the engine reads, the slow way."""
    try:
        name: str | None = read().name
    except NotFound:
        return None
    return name


def filter_name(engine: Engine, filter_id: str) -> str | None:
    return named(lambda: engine.with_policy(lambda policy: policy.get_filter(int(filter_id))))


def policy_name(engine: Engine, key: str | None) -> str | None:
    if key is None:
        return None
    return named(lambda: engine.with_policy(lambda policy: policy.get_context_by_key(key)))


def test_each_sa_has_the_name_that_its_filter_or_its_ids_lead_to(
    serve: Serve, engine: Engine
) -> None:
    client = serve(contexts=2000)
    expected, found = [], []
    looked_up = 0
    page = client.get("/sa-contexts?limit=1000").json()
    for context in page["items"]:
        for sa in (context["inboundSa"], context["outboundSa"]):
            if sa is None:
                continue
            found.append(sa["ruleName"])
            if sa["transportFilter"] is not None:
                expected.append(sa["transportFilter"]["name"])
                continue
            looked_up += 1
            traffic = sa["traffic"]
            if "tunnelPolicyId" in traffic:
                policy_id = int(traffic["tunnelPolicyId"])
                name = named(
                    lambda policy_id=policy_id: engine.with_policy(  # type: ignore[misc]
                        lambda policy: policy.get_context(policy_id)
                    )
                )
            else:
                name = filter_name(engine, traffic["ipsecFilterId"])
            expected.append(name or filter_name(engine, sa["saBundle"]["qmFilterId"]))

    assert found == expected
    assert looked_up > 30
    assert len([name for name in found if name and name.startswith("Tunnel policy")]) > 3


def test_unchanged_contexts_cost_no_call_and_no_encoding(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(contexts=2000)
    client.get("/sa-contexts?maxAge=0")
    before = [simulator.calls(function) for function in GET]
    assert sum(before) > 0
    monkeypatch.delattr("app.resources.sa_contexts.kind.encode_sa_context")

    assert client.get("/sa-contexts?maxAge=0").status_code == 200

    assert [simulator.calls(function) for function in GET] == before


def test_name_that_becomes_known_changes_the_fingerprint(
    library: Library, simulator: Simulator, engine: Engine
) -> None:
    details = ffi.new("IPSEC_SA_DETAILS1 *")
    details.traffic.ipsecFilterId = 7
    context = ffi.new("IPSEC_SA_CONTEXT1 *", {"saContextId": 1, "inboundSa": details})
    simulator.put(int(ffi.cast("uintptr_t", context)))
    now = [0.0]
    names = RuleNames(Engine(library), clock=lambda: now[0])
    kind = SaContextKind(lambda: no_alias, names=names)

    def read(encoder: Encoder) -> tuple[bytes, bytes]:
        tree = engine.with_sa_contexts(lambda contexts: contexts.read(1))
        return encoder.fingerprint(tree), encoder.item(tree).json

    unknown = read(kind.encoder())
    assert b'"ruleName":null' in unknown[1]
    assert read(kind.encoder()) == unknown
    put_filter(simulator, 7, "Database servers")
    now[0] += 3600

    known = read(kind.encoder())

    assert known[0] != unknown[0]
    assert b'"ruleName":"Database servers"' in known[1]
    names.close()


def test_contexts_are_listed_without_the_right_to_read_filters(
    serve: Serve, simulator: Simulator
) -> None:
    for function in GET:
        simulator.fail(function, 5, times=0)
    client = serve(contexts=1000)

    items = client.get("/sa-contexts?limit=1000").json()["items"]

    assert len(items) == 1000
    for context in items:
        for sa in (context["inboundSa"], context["outboundSa"]):
            if sa is not None:
                rule = sa["transportFilter"]
                assert sa["ruleName"] == (rule["name"] if rule else None)


DETAILS = {
    "ikeMmFailure": "mmFilterId",
    "ikeQmFailure": "qmFilterId",
    "ikeEmFailure": "qmFilterId",
    "ipsecDrop": "filterId",
}


def events_of(client: TestClient) -> list[tuple[str, dict[str, Any]]]:
    items = client.get("/net-events?limit=1000").json()["items"]
    return [(name, item[name]) for item in items for name in DETAILS if name in item]


def assert_named(engine: Engine, events: list[tuple[str, dict[str, Any]]]) -> None:
    for kind, details in events:
        filter_id = details[DETAILS[kind]]
        assert details["ruleName"] == filter_name(engine, filter_id)
        key = details.get("providerContextKey")
        if key is None:
            try:
                rule = engine.with_policy(
                    lambda policy, each=filter_id: policy.get_filter(int(each))  # type: ignore[misc]
                )
            except NotFound:
                assert details["policyName"] is None
                continue
            key = rule.provider_context_key
        assert details["policyName"] == policy_name(engine, key)


def test_events_have_the_names_behind_them(
    serve: Serve, simulator: Simulator, engine: Engine
) -> None:
    simulator.net_events(60, 3)  # stored before the server starts
    client = serve(contexts=100)
    stored = events_of(client)
    simulator.net_events(60, 4)
    assert simulator.flush()

    events = events_of(client)

    assert len(stored) > 40
    assert len(events) > len(stored) + 40
    assert {kind for kind, _ in events} == set(DETAILS)
    assert_named(engine, events)
    for name in ("ruleName", "policyName"):
        found = [details[name] for _, details in events]
        assert len([each for each in found if each]) > 30
    assert None in [details["ruleName"] for _, details in events]


def test_events_arrive_without_names_if_the_engine_does_not_tell_them(
    serve: Serve, simulator: Simulator
) -> None:
    for function in GET:
        simulator.fail(function, 1, times=0)
    client = serve(contexts=10)
    simulator.net_events(20, 4)
    assert simulator.flush()

    events = events_of(client)

    assert len(events) > 10
    assert {details["ruleName"] for _, details in events} == {None}


def test_events_wait_for_hung_names_only_once(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.resources.net_events.collector.NAME_SECONDS", 0.05)
    client = serve(contexts=10)
    client.get("/net-events")
    simulator.delay(GET[0], 700)
    simulator.net_events(5, 4)
    assert simulator.flush()

    events = events_of(client)

    assert len(events) > 2
    assert None in {details["ruleName"] for _, details in events}
    simulator.delay(GET[0], 0)


def test_one_context_costs_at_most_two_names_a_direction(
    library: Library, simulator: Simulator, engine: Engine
) -> None:
    simulator.populate(400)
    names = RuleNames(Engine(library))
    kind = SaContextKind(lambda: no_alias, names=names)
    for sa_context_id in simulator.ids():
        before = sum(map(simulator.calls, GET))
        kind.read_json(engine, sa_context_id)
        assert sum(map(simulator.calls, GET)) - before <= 4
    names.close()
