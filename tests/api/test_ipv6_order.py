"""An engine of either byte order: everything that clients see is the same, and follows a change."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator
from starlette.testclient import TestClient

from tests.api.live import Live
from tests.bindings.ipv6_trees import put_context
from tests.conftest import Serve


PEERS = [f"2001:db8:2::{number:x}" for number in range(1, 8)]
LISTS = ("/sa-contexts", "/ike-sas", "/connections")


def packed(address: str) -> bytes:
    return IPv6Address(address).packed


def put(simulator: Simulator, *numbers: int) -> None:
    """Add contexts whose remote addresses are reversed and match their filters."""
    for number in numbers:
        peer = packed(PEERS[number])
        put_context(simulator, bytes(16), peer[::-1], condition=peer)


def all_pages(client: TestClient, path: str, **parameters: Any) -> list[Any]:
    parameters = {"maxAge": 0, "limit": 1000} | parameters
    return list(client.get(path, params=parameters).json()["items"])


def remote_addresses(items: list[Any]) -> set[str]:
    return {item["outboundSa"]["traffic"]["remoteAddress"] for item in items}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"


def failures(client: TestClient) -> list[Any]:
    return list(client.get("/net-events", params={"limit": 1000}).json()["items"])


def seen(serve: Serve, simulator: Simulator, *, is_reversed: bool) -> dict[str, Any]:
    """Return all that clients see of one engine."""
    simulator.reset()
    simulator.set_option(Option.REVERSED_IPV6, is_reversed)
    client = serve(contexts=300, simulated_seed=3)
    found: dict[str, Any] = {path: all_pages(client, path) for path in LISTS}
    v6 = [item for item in found["/sa-contexts"] if item["outboundSa"]]
    v6 = [item for item in v6 if item["outboundSa"]["traffic"]["ipVersion"] == "v6"]
    assert v6
    address = v6[0]["outboundSa"]["traffic"]["remoteAddress"]
    found["subnet"] = all_pages(
        client, "/sa-contexts", remoteSubnet=str(ip_network(f"{address}/48", False))
    )
    assert 0 < len(found["subnet"]) < len(v6)
    found["item"] = client.get(f"/sa-contexts/{v6[0]['saContextId']}").json()
    assert found["item"] == v6[0]
    found["order"] = client.get("/engine").json()["ipv6Order"]["order"]
    simulator.net_events(60, 5)
    until(lambda: len(failures(client)) == 60)
    events = failures(client)
    assert any(":" in (event["remoteAddress"] or "") for event in events)
    found["events"] = [{**event, "id": None, "time": None} for event in events]
    return found


def test_an_engine_of_the_other_order_is_shown_the_same(serve: Serve, simulator: Simulator) -> None:
    plain = seen(serve, simulator, is_reversed=False)
    turned = seen(serve, simulator, is_reversed=True)

    assert (plain.pop("order"), turned.pop("order")) == ("network", "reversed")
    assert turned == plain


def test_a_change_of_the_order_begins_a_new_epoch_everywhere(simulator: Simulator) -> None:
    with Live(simulated_contexts=0) as live:
        put(simulator, 0, 1)
        first = live.client.get("/sa-contexts", params={"maxAge": 0, "limit": 1}).json()
        epoch, cursor = first["snapshot"]["epoch"], first["nextCursor"]
        before = live.client.get("/engine").json()["ipv6Order"]
        with live.stream(f"?since={epoch}-{first['snapshot']['revision']}") as stream:
            put(simulator, 2)
            changed = live.client.get("/sa-contexts", params={"maxAge": 0}).json()
            reset = next(event for event in iter(stream.next, None) if event.kind == "reset")
        expired = live.client.get("/sa-contexts", params={"cursor": cursor})
        after = live.client.get("/engine").json()["ipv6Order"]

    assert (before["order"], before["reason"]) == ("network", "too_little_evidence")
    assert before["filterConditions"] == {"network": 0, "reversed": 2}
    assert (after["order"], after["reason"]) == ("reversed", "evidence")
    assert after["filterConditions"] == {"network": 0, "reversed": 3}
    assert after["since"] > before["since"]
    assert changed["snapshot"]["epoch"] != epoch
    assert remote_addresses(changed["items"]) == set(PEERS[:3])
    assert reset.event_id is not None
    assert reset.event_id.startswith(changed["snapshot"]["epoch"])
    assert (expired.status_code, "resumeUrl" in expired.json()) == (410, False)


def v6_addresses(items: list[Any]) -> set[str]:
    """Return the remote IPv6 addresses of main mode SAs or connections."""
    found = {item.get("ikeTraffic", item)["remoteAddress"] for item in items}
    return {address for address in found if ":" in address}


@pytest.mark.parametrize("path", ["/ike-sas", "/connections"])
def test_lists_that_are_read_on_demand_follow(
    serve: Serve, simulator: Simulator, path: str
) -> None:
    client = serve()
    client.get("/sa-contexts", params={"maxAge": 0})
    simulator.set_option(Option.REVERSED_IPV6)
    simulator.populate(60, 3)
    wrong = v6_addresses(all_pages(client, path))
    begun = client.get(path, params={"maxAge": 60, "limit": 1}).json()

    client.get("/sa-contexts", params={"maxAge": 0})  # reveals the order

    until(lambda: client.get(path, params={"cursor": begun["nextCursor"]}).status_code == 410)
    right = v6_addresses(all_pages(client, path, maxAge=60))
    assert wrong
    assert right == {str(IPv6Address(packed(address)[::-1])) for address in wrong}
    assert all(address.startswith(("fd", "2001:db8")) for address in right)


def test_a_change_is_followed_although_the_next_read_fails(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve()
    client.get("/sa-contexts", params={"maxAge": 0})
    simulator.set_option(Option.REVERSED_IPV6)
    simulator.populate(60, 3)
    begun = client.get("/ike-sas", params={"maxAge": 60, "limit": 1}).json()

    simulator.fail("IPsecSaContextEnum1", 5, after=1, times=1000)  # ERROR_ACCESS_DENIED
    failed = client.get("/sa-contexts", params={"maxAge": 0})

    assert failed.is_error
    assert client.get("/engine").json()["ipv6Order"]["order"] == "reversed"
    until(lambda: client.get("/ike-sas", params={"cursor": begun["nextCursor"]}).status_code == 410)


def failed_peers(client: TestClient) -> set[str]:
    return {event["remoteAddress"] for event in failures(client) if event["remoteAddress"]}


def test_net_events_are_read_again(serve: Serve, simulator: Simulator) -> None:
    plain = serve(simulated_seed=3)
    for seed in range(40):
        simulator.net_event(0, 13805, seed)
    right = failed_peers(plain)
    simulator.set_option(Option.REVERSED_IPV6)
    client = serve(simulated_seed=3)
    client.get("/sa-contexts", params={"maxAge": 0})
    assert failed_peers(client) != right
    newest = client.get("/net-events").json()["items"][0]["id"]

    simulator.populate(100, 3)
    client.get("/sa-contexts", params={"maxAge": 0})

    until(lambda: failed_peers(client) == right)
    assert client.get("/net-events").json()["items"][0]["id"] != newest


@pytest.mark.parametrize("order", ["network", "reversed"])
def test_the_setting_decides_against_all_evidence(
    serve: Serve, simulator: Simulator, order: str
) -> None:
    client = serve(ipv6_order=order)
    for peer in PEERS[:4]:
        raw = packed(peer)
        put_context(
            simulator, bytes(16), raw if order == "reversed" else raw[::-1], condition=packed(peer)
        )

    items = all_pages(client, "/sa-contexts")

    assert remote_addresses(items).isdisjoint(PEERS)
    state = client.get("/engine").json()["ipv6Order"]
    assert (state["order"], state["reason"]) == (order, "setting")


def test_contradictory_evidence_is_reported_and_changes_nothing(
    serve: Serve, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve()
    put(simulator, 0, 1, 2, 3)
    put_context(simulator, bytes(16), packed(PEERS[4]), condition=packed(PEERS[4]))

    items = all_pages(client, "/sa-contexts")

    assert PEERS[4] in remote_addresses(items)
    state = client.get("/engine").json()["ipv6Order"]
    assert (state["order"], state["reason"]) == ("network", "contradictory_evidence")
    assert state["filterConditions"] == {"network": 1, "reversed": 4}
    until(lambda: "ipv6_order_undecided" in caplog.text)


def test_a_list_that_began_before_the_order_was_known_ends(
    serve: Serve, simulator: Simulator
) -> None:
    """Begin to page during the first refresh, which reveals the order only later."""
    simulator.set_option(Option.REVERSED_IPV6)
    client = serve(contexts=1500, simulated_seed=3)
    parameters = {"maxAge": 3600, "limit": 500}
    begun = client.get("/sa-contexts", params=parameters).json()

    following = client.get("/sa-contexts", params={"cursor": begun["nextCursor"]})
    again = client.get("/sa-contexts", params=parameters).json()

    is_same = again["snapshot"]["epoch"] == begun["snapshot"]["epoch"]
    assert following.status_code == (200 if is_same else 410)
    assert client.get("/engine").json()["ipv6Order"]["order"] == "reversed"
    assert client.get("/engine").json()["leasedSnapshots"] == 1
    pages = [again]
    while "nextCursor" in pages[-1]:
        pages.append(client.get("/sa-contexts", params={"cursor": pages[-1]["nextCursor"]}).json())
    assert len({item["saContextId"] for page in pages for item in page["items"]}) == 1500
