"""`/tunnels` over HTTP: what is configured, what is up of it, and how changes are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.tunnels.schema import Tunnel, TunnelExportEnd, TunnelPage
from app.schemas.names import TunnelState
from bindings._fwpuclnt import ffi
from tests.answers.example_host import context_of_user, failure_with
from tests.answers.made_tunnels import LOCAL, put_tunnel
from tests.api.live import Live, Stream
from tests.api.test_kinds import NDJSON
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve
from tests.resources.test_sa_context_routes import content_of, walk


BRANCH, HQ, LAB, GATEWAY = "198.51.100.7", "203.0.113.9", "203.0.113.10", "203.0.113.11"
FQDN = "Gateway.Branch.example"
ACCESS_DENIED = 5
IKEEXT_NOT_RUNNING = 0x80320044
KEY = "00000000-0000-0000-0000-00000000000"
CREATE = "FwpmProviderContextCreateEnumHandle0"


def put_context(simulator: Simulator, remote: str, *, is_tunnel: bool = True) -> int:
    """Add an SA context with both SAs; return its id."""
    tree = context_of_user(remote)
    mode = ffi.integer_const(f"IPSEC_TRAFFIC_TYPE_{'TUNNEL' if is_tunnel else 'TRANSPORT'}")
    for details in (tree.context.inboundSa, tree.context.outboundSa):
        details.traffic.trafficType = mode
    return simulator.put(tree.address)


def put_failure(simulator: Simulator, remote: str, at: datetime | None = None) -> None:
    """Report a failed negotiation with an address."""
    tree = failure_with(remote, at or datetime.now(UTC))
    assert simulator.put_net_event(tree.address)


def put_tunnels(simulator: Simulator) -> None:
    """One tunnel in each state, if HQ is expected: 1 up, 2 down, 3 failing, 4 idle, 5 template."""
    put_tunnel(simulator, "Branch", BRANCH, key=1)
    put_tunnel(simulator, "Headquarters", HQ, key=2)
    put_tunnel(simulator, "Laboratory", LAB, key=3)
    put_tunnel(simulator, "Warehouse", GATEWAY, key=4)
    put_tunnel(simulator, "VPN clients", "0.0.0.0", key=5)  # noqa: S104
    put_context(simulator, BRANCH)
    put_context(simulator, GATEWAY, is_tunnel=False)
    put_failure(simulator, LAB)
    put_failure(simulator, GATEWAY, datetime.now(UTC) - timedelta(minutes=61))
    simulator.flush()


@pytest.fixture
def some(serve: Serve, simulator: Simulator) -> TestClient:
    client = serve(expected_peers=HQ)
    put_tunnels(simulator)
    return client


def tunnels(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = content_of(
        client.get("/tunnels", params={"maxAge": 0, **parameters})
    )["items"]
    return found


def states(client: TestClient, **parameters: Any) -> dict[str, str]:
    return {each["name"]: each["state"] for each in tunnels(client, **parameters)}


def gauges(client: TestClient) -> dict[str, float]:
    """The values of the metric, by state."""
    return {
        line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2])
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("wfp_tunnels{")
    }


def test_each_tunnel_has_its_state(some: TestClient) -> None:
    page = content_of(some.get("/tunnels?maxAge=0"))

    TunnelPage.model_validate(page)
    assert {each["name"]: each["state"] for each in page["items"]} == {
        "Branch": "up",
        "Headquarters": "down",
        "Laboratory": "failing",
        "Warehouse": "idle",
        "VPN clients": "template",
    }
    branch, *others = page["items"]
    assert branch["providerContextKey"] == f"{KEY}1"
    assert (branch["saContexts"], branch["completeSaContexts"]) == (1, 1)
    assert branch["tunnelEndpoints"]["localAddress"] == LOCAL
    assert branch["keyModule"] == "ikev2"
    assert branch["idleTimeoutSeconds"] == 300
    assert [each["saContexts"] for each in others] == [0, 0, 0, 0]
    failed = others[1]["lastFailure"]
    assert (failed["code"], failed["name"]) == (13868, "ERROR_IPSEC_IKE_POLICY_MATCH")
    assert [each["isExpected"] for each in page["items"]] == [False, True, False, False, False]


def test_a_name_is_expected_as_an_address_is(serve: Serve, simulator: Simulator) -> None:
    client = serve(expected_peers=FQDN.lower())
    put_tunnel(simulator, "Gateway", GATEWAY, local="0.0.0.0", fqdn=FQDN, key=1)  # noqa: S104
    put_tunnel(simulator, "Other", LAB, fqdn="other.example", key=2)

    assert states(client) == {"Gateway": "down", "Other": "template"}
    put_context(simulator, GATEWAY)
    put_context(simulator, LAB)
    assert states(client) == {"Gateway": "up", "Other": "up"}


def test_an_expected_name_without_an_address_is_a_template(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve(expected_peers=FQDN)
    put_tunnel(simulator, "Gateway", "0.0.0.0", fqdn=FQDN, key=1)  # noqa: S104
    put_context(simulator, GATEWAY)

    (tunnel,) = tunnels(client)
    assert (tunnel["state"], tunnel["isExpected"]) == ("template", True)
    assert gauges(client)["down"] == 0


def test_a_tunnel_that_was_up_since_is_not_failing(some: TestClient, simulator: Simulator) -> None:
    context = put_context(simulator, LAB)
    assert states(some)["Laboratory"] == "up"
    simulator.delete(context)
    assert states(some)["Laboratory"] == "idle"
    put_failure(simulator, LAB)
    simulator.flush()
    assert states(some)["Laboratory"] == "failing"


@pytest.mark.parametrize("is_away", [False, True])
def test_a_tunnel_whose_policy_has_a_new_key_was_up_as_before(
    serve: Serve, simulator: Simulator, *, is_away: bool
) -> None:
    client = serve()
    put = put_tunnel(simulator, "Laboratory", LAB, key=3)
    put_failure(simulator, LAB)
    context = put_context(simulator, LAB)
    simulator.flush()
    assert states(client) == {"Laboratory": "up"}
    simulator.delete(context)
    simulator.delete_provider_context(put)
    if is_away:
        assert states(client) == {}

    put_tunnel(simulator, "Laboratory", LAB, key=4)

    assert states(client) == {"Laboratory": "idle"}


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"state": "up"}, lambda each: each["state"] == "up"),
        ({"state": ["down", "failing"]}, lambda each: each["state"] in {"down", "failing"}),
        ({"name": "WARE*"}, lambda each: each["name"] == "Warehouse"),
        ({"name": "ware"}, lambda _: False),
        ({"keyModule": "ike"}, lambda _: False),
        ({"keyModule": "ikev2", "localAddress": LOCAL}, lambda _: True),
        ({"localAddress": "192.0.2.1"}, lambda _: False),
        (
            {"remoteAddress": [HQ, "2001:db8::1"]},
            lambda each: each["tunnelEndpoints"]["remoteAddress"] == HQ,
        ),
        ({"remoteAddress": "0.0.0.0"}, lambda _: False),  # noqa: S104
    ],
)
def test_filters_leave_what_matches(
    some: TestClient, query: dict[str, Any], matches: Callable[[dict[str, Any]], bool]
) -> None:
    everything = tunnels(some)

    names = [each["name"] for each in everything if matches(each)]
    assert [each["name"] for each in tunnels(some, **query)] == names


@pytest.mark.parametrize("query", ["state=protected", "isExpected=true", "name=", "sort=state"])
def test_other_values_are_problems(some: TestClient, query: str) -> None:
    assert_problem(some.get(f"/tunnels?{query}"), 422, "invalid_parameters")


def test_a_walk_gives_each_tunnel_once_in_order(serve: Serve) -> None:
    client = serve(contexts=300)
    pages = [*walk(client, "/tunnels", limit=3)]
    found = [each for page in pages for each in content_of(page)["items"]]
    lines = client.get("/tunnels", headers=NDJSON).text.splitlines()

    keys = [each["providerContextKey"] for each in found]
    assert len(keys) > 10
    assert keys == sorted({*keys})
    assert len(lines) == len(keys) + 1
    TunnelExportEnd.model_validate_json(lines[-1])
    for line in lines[:-1]:
        Tunnel.model_validate_json(line)
    assert {"up", "template", "idle"} <= {each["state"] for each in found}


def test_simulated_tunnels_are_up_as_their_contexts_say(serve: Serve) -> None:
    client = serve(contexts=300)
    contexts = content_of(client.get("/sa-contexts?limit=1000&trafficType=tunnel"))["items"]
    ends = Counter(
        (sa["traffic"]["localAddress"], sa["traffic"]["remoteAddress"])
        for context in contexts
        if context["inboundSa"] and context["outboundSa"]
        for sa in [context["outboundSa"]]
        if sa["traffic"]["trafficType"] == "tunnel"
    )
    found = [each for each in tunnels(client, limit=1000) if each["state"] != "template"]

    assert found
    for each in found:
        endpoints = each["tunnelEndpoints"]
        here = ends[endpoints["localAddress"], endpoints["remoteAddress"]]
        assert each["completeSaContexts"] == here
        assert (each["state"] == "up") is (here > 0)


def test_one_tunnel_is_as_in_the_list_and_revalidated(some: TestClient) -> None:
    (listed,) = tunnels(some, state="down")
    path = f"/tunnels/{listed['providerContextKey'].upper()}"
    one = some.get(path)

    assert content_of(one) == listed
    unchanged = some.get(path, headers={"If-None-Match": one.headers["ETag"]})
    assert unchanged.status_code == 304
    page = some.get("/tunnels?maxAge=0")
    headers = {"If-None-Match": page.headers["ETag"]}
    assert some.get("/tunnels?maxAge=0", headers=headers).status_code == 304
    assert_problem(some.get(f"/tunnels/{KEY}9"), 404, "tunnel_not_found")
    assert_problem(some.get("/tunnels/9"), 422, "invalid_parameters")
    assert_problem(some.get(f"{path}?maxAge=0"), 422, "invalid_parameters")


def test_without_the_scope_failures_affect_nothing(
    serve: Serve, simulator: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    plain = make_key(path, "sa:read", "events:read", name="plain")
    every = make_key(path, "sa:read", "events:read", "diagnostics:read", name="all")
    client = serve(api_keys_file=str(path))
    put_tunnels(simulator)

    def get(path: str, key: str) -> Any:
        return client.get(path, headers={"Authorization": f"Bearer {key}"})

    shown = content_of(get("/tunnels?maxAge=0", plain))["items"]
    assert [each["state"] for each in shown] == ["up", "idle", "idle", "idle", "template"]
    assert all("lastFailure" not in each for each in shown)
    (failing,) = content_of(get("/tunnels?state=failing", every))["items"]
    assert "lastFailure" not in content_of(get(f"/tunnels/{KEY}3", plain))
    assert content_of(get(f"/tunnels/{KEY}3", every)) == failing
    for url in ("/tunnels?state=failing", "/tunnels/events?state=failing"):
        problem = assert_problem(get(url, plain), 403, "insufficient_scope")
        assert "diagnostics:read" in problem["detail"]
    cursor = content_of(get("/tunnels?limit=1&maxAge=0", plain))["nextCursor"]
    continued = get(f"/tunnels?cursor={cursor}", every)
    assert continued.content == get(f"/tunnels?cursor={cursor}", plain).content
    assert get(f"/tunnels?cursor={cursor}x", every).status_code == 400
    cursor = content_of(get("/tunnels?limit=1&maxAge=0", every))["nextCursor"]
    assert get(f"/tunnels?cursor={cursor}", plain).status_code == 410


def test_policies_that_cannot_be_read_fail_tunnels_and_nothing_else(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve(contexts=20)
    tunnels(client)
    assert {*gauges(client)} == {*TunnelState}
    simulator.fail(CREATE, ACCESS_DENIED, times=1000)

    problem = assert_problem(client.get("/tunnels?maxAge=0"), 503, "engine_access_denied")
    assert problem["function"] == CREATE
    assert client.get("/peers?maxAge=0").status_code == 200
    assert gauges(client) == {}
    simulator.clear_failures()
    assert tunnels(client)
    assert {*gauges(client)} == {*TunnelState}


def test_each_state_is_counted_by_the_metric(some: TestClient) -> None:
    counts = Counter(states(some).values())

    assert gauges(some) == {state.value: counts[state.value] for state in TunnelState}
    assert sum(counts.values()) == 5


def test_a_tunnel_that_goes_down_is_told_within_one_refresh(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve(expected_peers=HQ)
    put_tunnel(simulator, "Headquarters", HQ, key=2)
    context = put_context(simulator, HQ)
    before = content_of(client.get("/tunnels?maxAge=0"))
    assert [each["state"] for each in before["items"]] == ["up"]
    assert gauges(client)["up"] == 1
    simulator.delete(context)

    (after,) = tunnels(client)

    assert (after["state"], after["isFlapping"]) == ("down", False)
    assert after["since"] is not None
    assert (gauges(client)["up"], gauges(client)["down"]) == (0, 1)
    assert content_of(client.get("/tunnels"))["snapshot"]["revision"] == (
        before["snapshot"]["revision"] + 1
    )


def test_a_watch_tells_what_goes_down_and_comes_back_without_a_request(
    simulator: Simulator,
) -> None:
    with Live(
        simulated_contexts=0, expected_peers=HQ, refresh_interval_seconds=0.2, max_streams=1
    ) as live:
        put = put_tunnel(simulator, "Headquarters", HQ, key=2)
        url = "/tunnels/events?initial=true&name=head*"
        with live.client.stream("GET", url) as response:
            stream = Stream(response)
            seen = [stream.next() for _ in range(2)]
            if seen[0].kind == "snapshot_end":  # the server read the policies before
                seen.reverse()
            context = put_context(simulator, HQ)
            seen.append(stream.next())
            simulator.delete(context)
            seen.append(stream.next())
            simulator.delete_provider_context(put)
            seen.append(stream.next())

    assert [event.kind for event in seen] == [
        "added",
        "snapshot_end",
        "modified",
        "modified",
        "deleted",
    ]
    shown = [seen[at].data["tunnel"] for at in (0, 2, 3)]
    assert [tunnel["state"] for tunnel in shown] == ["down", "up", "down"]
    assert seen[4].data["providerContextKey"] == f"{KEY}2"
    assert all("saContexts" not in tunnel for tunnel in shown)


def test_requests_at_one_time_share_a_read(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=20)
    tunnels(client)
    before = simulator.calls(CREATE)
    for _ in range(10):
        client.get("/tunnels?maxAge=3600")

    assert simulator.calls(CREATE) == before


def test_a_watch_resumes_or_begins_again(simulator: Simulator) -> None:
    with Live(simulated_contexts=0) as live:
        put_tunnel(simulator, "Branch", BRANCH, key=1)
        page = live.client.get("/tunnels?maxAge=0").json()
        epoch, revision = page["snapshot"]["epoch"], page["snapshot"]["revision"]
        put_tunnel(simulator, "Headquarters", HQ, key=2)
        live.client.get("/tunnels?maxAge=0")

        def first(query: str = "", **headers: str) -> Any:
            url = f"/tunnels/events{query}"
            with live.client.stream("GET", url, headers=headers) as response:
                return Stream(response).next()

        missed = first(f"?since={epoch}-{revision}")
        again = first(**{"Last-Event-ID": f"{epoch}-{revision}"})
        resets = [first("?since=0-1"), first(**{"Last-Event-ID": "not an id"})]

    assert (missed.kind, missed.data["tunnel"]["name"]) == ("added", "Headquarters")
    assert again == missed
    assert [event.kind for event in resets] == ["reset", "reset"]


def test_without_ikeext_the_list_is_empty_and_says_so(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=20)
    simulator.fail(CREATE, IKEEXT_NOT_RUNNING, times=1000)

    page = content_of(client.get("/tunnels?maxAge=0"))

    assert (page["items"], page["ikeext"]) == ([], "not_running")
    TunnelPage.model_validate(page)
    simulator.clear_failures()
    assert "ikeext" not in content_of(client.get("/tunnels?maxAge=0"))
