"""`/filters/{filterId}`: one filter and the policy behind it, without secrets."""

from __future__ import annotations

from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from bindings._fwpuclnt import ffi
from bindings.enums import FilterFlag
from tests.bindings.test_policy import tunnel
from tests.conftest import Serve


TUNNEL_KEY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve(contexts=200)


def transport_filters(client: TestClient) -> list[dict[str, Any]]:
    items = client.get("/sa-contexts?limit=1000").json()["items"]
    sas = [context[side] for context in items for side in ("inboundSa", "outboundSa")]
    return [sa["transportFilter"] for sa in sas if sa and sa["transportFilter"]]


def test_filter_has_what_the_context_shows_of_it(client: TestClient) -> None:
    missing = 0
    for shown in transport_filters(client):
        response = client.get(f"/filters/{shown['filterId']}")
        if response.status_code == 404:
            missing += 1
            continue
        found = response.json()
        for name in ("filterId", "filterKey", "name", "layer", "layerKey", "subLayerKey"):
            assert found[name] == shown[name]
        assert found["providerKey"] == shown["providerKey"]
        assert found["provider"] == "mpssvc_wf"
        assert found["action"]["type"] == shown["action"]["type"]
        assert found["effectiveWeight"] == shown["effectiveWeight"]
        assert found["policy"]["providerContextKey"] == found["providerContextKey"]
    assert missing > 0


def test_policy_of_a_tunnel_has_the_tunnels_endpoints(client: TestClient) -> None:
    items = client.get("/sa-contexts?limit=1000&trafficType=tunnel").json()["items"]
    compared = 0
    for sa in (context["outboundSa"] for context in items):
        if sa is None or sa["transportFilter"] is None:
            continue
        response = client.get(f"/filters/{sa['transportFilter']['filterId']}")
        if response.status_code == 404:
            continue
        policy, traffic = response.json()["policy"], sa["traffic"]
        assert policy["type"].endswith("_qm_tunnel")
        assert policy["providerContextId"] == traffic["tunnelPolicyId"]
        for name in ("ipVersion", "localAddress", "remoteAddress", "localIfLuid"):
            assert policy["tunnelEndpoints"][name] == traffic[name]
        compared += 1
    assert compared > 10


def test_gone_filter_is_not_found(client: TestClient, simulator: Simulator) -> None:
    filter_id = next(
        shown["filterId"]
        for shown in transport_filters(client)
        if client.get(f"/filters/{shown['filterId']}").status_code == 200
    )
    simulator.delete_filter(int(filter_id))

    response = client.get(f"/filters/{filter_id}")

    assert (response.status_code, response.json()["code"]) == (404, "filter_not_found")


@pytest.mark.parametrize("filter_id", ["x", "-1", "0x10", str(2**64)])
def test_other_ids_are_refused(client: TestClient, filter_id: str) -> None:
    response = client.get(f"/filters/{filter_id}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameters")


def put_filter(simulator: Simulator, **fields: Any) -> None:
    tree = ffi.new("FWPM_FILTER0 *", {"filterId": 9, **fields})
    simulator.put_filter(int(ffi.cast("uintptr_t", tree)))


def test_filter_without_a_policy_says_so(client: TestClient, simulator: Simulator) -> None:
    put_filter(simulator, rawContext=2**64 - 1)

    found = client.get("/filters/9").json()

    assert (found["name"], found["providerContextKey"], found["policy"]) == (None, None, None)
    assert found["providerKey"] is None
    assert "provider" not in found
    assert "layer" not in found


def test_policy_that_is_gone_or_unreadable_leaves_its_key(
    client: TestClient, simulator: Simulator
) -> None:
    put_filter(simulator, flags=FilterFlag.HAS_PROVIDER_CONTEXT)
    assert client.get("/filters/9").json()["policy"] is None
    tree, _keep = tunnel(bytes(range(16)))
    simulator.put_provider_context(tree)
    assert client.get("/filters/9").json()["policy"]["providerContextId"] == "7"
    simulator.fail("FwpmProviderContextGetByKey3", 5, times=0)

    found = client.get("/filters/9").json()

    assert (found["providerContextKey"], found["policy"]) == (TUNNEL_KEY, None)


def test_remote_names_and_unknown_types_are_shown(client: TestClient, simulator: Simulator) -> None:
    put_filter(simulator, flags=FilterFlag.HAS_PROVIDER_CONTEXT)
    tree, _keep = tunnel(bytes(15) + b"\1")
    context = ffi.cast("FWPM_PROVIDER_CONTEXT3 *", tree)
    name = ffi.new("char16_t[]", "gateway.example")
    context.ikeV2QmTunnelPolicy.tunnelEndpoints.remoteFqdn = name
    simulator.put_provider_context(tree)

    endpoints = client.get("/filters/9").json()["policy"]["tunnelEndpoints"]

    assert endpoints == {
        "ipVersion": "v6",
        "localAddress": "::1",
        "remoteAddress": "::1",
        "localIfLuid": "0",
        "remoteFqdn": "gateway.example",
        "remoteAddresses": ["::1"],
    }
    ffi.cast("UINT32 *", ffi.addressof(context, "type"))[0] = 99
    simulator.put_provider_context(tree)
    policy = client.get("/filters/9").json()["policy"]
    assert (policy["type"], policy["typeRaw"]) == ("unknown", 99)
    assert "tunnelEndpoints" not in policy


def test_preshared_keys_of_main_modes_are_not_shown(
    client: TestClient, simulator: Simulator
) -> None:
    simulator.net_events(60, 3)
    assert simulator.flush()
    items = client.get("/net-events?limit=1000").json()["items"]
    ids = {item["ikeMmFailure"]["mmFilterId"] for item in items if "ikeMmFailure" in item}
    types = set()
    for filter_id in ids:
        response = client.get(f"/filters/{filter_id}")
        assert "CANARY" not in response.text
        if response.status_code == 200:
            types.add(response.json()["policy"]["type"])

    assert types == {f"ipsec_{module}_mm" for module in ("ike", "authip", "ikev2")}


def test_unchanged_filter_is_not_sent_again(client: TestClient, simulator: Simulator) -> None:
    put_filter(simulator)
    first = client.get("/filters/9")

    again = client.get("/filters/9", headers={"If-None-Match": first.headers["ETag"]})
    put_filter(simulator, weight={"type": 1, "uint8": 3}, effectiveWeight={"type": 1, "uint8": 3})
    changed = client.get("/filters/9", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        (5, 503, "engine_access_denied"),
        (1722, 503, "engine_unavailable"),
        (1745, 501, "not_supported_by_engine"),
        (0x80320012, 503, "engine_busy"),
    ],
)
def test_failing_engine_is_reported(
    client: TestClient, simulator: Simulator, code: int, status: int, problem: str
) -> None:
    put_filter(simulator)
    simulator.fail("FwpmFilterGetById0", code, times=0)

    response = client.get("/filters/9")

    assert (response.status_code, response.json()["code"]) == (status, problem)
