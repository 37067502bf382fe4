"""`/net-events`: explained failures, page by page and as a stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.resources.net_events.schema import NetEvent, NetEventPage
from tests.api.live import Live
from tests.api.test_engine import until
from tests.conftest import Serve
from tests.sse import Parser, careless_messages


CANARY = "CANARY-KEY-MATERIAL"
MAIN_MODE, QUICK_MODE, KERNEL_DROP = 0, 1, 4


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve(contexts=100, heartbeat_interval_seconds=0.01)


def page(client: TestClient, query: str = "") -> dict[str, Any]:
    response = client.get(f"/net-events{query}")
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    NetEventPage.model_validate(content)
    return content


def codes(client: TestClient, query: str = "") -> list[int]:
    return [item["error"]["code"] for item in page(client, query)["items"]]


def test_an_event_is_reported_and_explained(client: TestClient, simulator: Simulator) -> None:
    simulator.net_event(MAIN_MODE, 13806)
    assert simulator.flush()

    (item,) = page(client)["items"]

    event = NetEvent.model_validate(item)
    assert event.type == "ike_main_mode_failure"
    assert event.error is not None
    assert event.error.name == "ERROR_IPSEC_IKE_NO_CERT"
    assert "certificate" in (event.error.explanation or "")
    assert "certlm.msc" in (event.error.check or "")
    assert re.fullmatch(r"[0-9a-f]{12}-1", event.id)


def test_a_page_says_whose_events_they_are(client: TestClient) -> None:
    content = page(client)

    assert content == {
        "items": [],
        "missed": False,
        "collection": "enabled",
        "subscription": "active",
        "reasons": [],
        "host": content["host"],
        "engine": "simulator",
    }


@pytest.mark.parametrize("path", ["/net-events", "/net-events/events"])
def test_an_engine_that_has_not_answered_yet_is_reported(
    serve: Serve, simulator: Simulator, path: str
) -> None:
    simulator.delay("FwpmEngineOpen0", 300)
    client = serve(engine_timeout_seconds=0.01)

    response = client.get(path)

    assert response.status_code == 503
    assert response.json()["code"] == "engine_timeout"
    assert int(response.headers["retry-after"]) >= 1
    until(lambda: client.get("/net-events").status_code == 200)


def test_simulated_failures_are_of_methods_that_their_key_module_has(
    serve: Serve, simulator: Simulator
) -> None:
    """IKEv2 has no Kerberos, and EAP is its alone (RFC 7296); extended mode is AuthIP's."""
    client = serve(contexts=100, heartbeat_interval_seconds=0.01)
    page(client)
    seen: set[tuple[str, str]] = set()
    for seed in range(8):
        simulator.net_events(120, seed)
        assert simulator.flush()
        for item in page(client, "?limit=120")["items"]:
            if "ikeMmFailure" in item:
                failure = item["ikeMmFailure"]
                seen.add((failure["keyingModuleType"], failure["mmAuthMethod"]))
            elif "ikeEmFailure" in item:
                seen.add(("extended", item["ikeEmFailure"]["emAuthMethod"]))

    by = {module: {method for each, method in seen if each == module} for module, _ in seen}
    assert by.keys() == {"ike", "authip", "ikev2", "extended"}
    assert "kerberos" in by["ike"] & by["authip"] & by["extended"]
    assert not by["ikev2"] & {"kerberos", "ntlm_v2", "ssl", "anonymous"}
    assert not (by["ike"] | by["authip"] | by["extended"]) & {"eap"}
    assert not by["extended"] & {"preshared_key"}


def test_pages_lead_on_to_the_oldest(client: TestClient, simulator: Simulator) -> None:
    for code in range(25):
        simulator.net_event(KERNEL_DROP, code)
    assert simulator.flush()

    seen: list[int] = []
    url = "net-events?limit=10"
    while True:
        response = client.get(f"/{url}")
        seen += [item["error"]["code"] for item in response.json()["items"]]
        link = response.headers.get("link")
        assert (link is None) == ("nextCursor" not in response.json())
        if link is None:
            break
        url = link.removeprefix("<").removesuffix('>; rel="next"')

    assert seen == [*range(24, -1, -1)]


@pytest.mark.parametrize("since", ["id", "time"])
def test_pages_lead_on_with_all_that_was_asked_for(
    client: TestClient, simulator: Simulator, since: str
) -> None:
    simulator.net_events(200, 2)
    assert simulator.flush()
    items = page(client, "?limit=1000")["items"]
    oldest = len(items) * 3 // 4
    types = {"ike_main_mode_failure", "ipsec_kernel_drop", "ike_quick_mode_failure"}
    asked = {
        "since": [items[oldest][since].replace("Z", "+00:00")],
        "type": sorted(types),
        "remoteSubnet": ["0.0.0.0/1", "2001:db8::/32"],
        "limit": ["3"],
    }

    seen: list[dict[str, Any]] = []
    url = f"net-events?{urlencode(asked, doseq=True)}"
    while url:
        response = client.get(f"/{url}")
        seen += response.json()["items"]
        url = response.headers.get("link", "").partition(">")[0][1:]
        assert not url or parse_qs(urlsplit(url).query) == {
            **asked,
            "cursor": [response.json()["nextCursor"]],
        }

    subnets = [ip_network(subnet) for subnet in asked["remoteSubnet"]]
    assert len(seen) > 3
    assert seen == [
        item
        for item in items
        if (items.index(item) < oldest if since == "id" else item["time"] >= items[oldest]["time"])
        and item["type"] in types
        and item["remoteAddress"]
        and any(ip_address(item["remoteAddress"]) in subnet for subnet in subnets)
    ]


def test_events_are_chosen_by_type_and_peer(client: TestClient, simulator: Simulator) -> None:
    simulator.net_events(100, 2)
    assert simulator.flush()
    items = page(client, "?limit=1000")["items"]
    peer = next(item["remoteAddress"] for item in items if item["remoteAddress"])

    by_type = page(client, "?type=ipsec_kernel_drop&type=ipsec_dosp_drop&limit=1000")["items"]
    by_peer = page(client, f"?remoteSubnet={peer}&limit=1000")["items"]
    all_v4 = page(client, "?remoteSubnet=0.0.0.0/0&limit=1000")["items"]

    drops = {"ipsec_kernel_drop", "ipsec_dosp_drop"}
    assert by_type == [item for item in items if item["type"] in drops] != []
    assert by_peer == [item for item in items if item["remoteAddress"] == peer] != []
    assert all_v4 == [item for item in items if "." in (item["remoteAddress"] or "")] != []


def module_of(item: dict[str, Any]) -> str | None:
    if "ikeEmFailure" in item:
        return "authip"  # only AuthIP has an extended mode
    failure = item.get("ikeMmFailure") or item.get("ikeQmFailure") or {}
    module: str | None = failure.get("keyingModuleType")
    return module


def role_of(item: dict[str, Any]) -> str | None:
    members = ("ikeMmFailure", "ikeQmFailure", "ikeEmFailure")
    return next((item[member]["saRole"] for member in members if member in item), None)


def test_events_are_chosen_by_error_role_and_keying_module(
    client: TestClient, simulator: Simulator
) -> None:
    page(client)
    simulator.net_events(400, 2)
    assert simulator.flush()
    items = page(client, "?limit=1000")["items"]
    errors = [item["error"] for item in items if item["error"] and item["error"]["name"]]

    for error in {error["code"]: error for error in errors}.values():
        code = error["code"]
        expected = [item for item in items if item["error"] and item["error"]["code"] == code]
        for form in (code, error["codeHex"], error["name"].lower(), code - (code >> 31 << 32)):
            assert page(client, f"?limit=1000&error={form}")["items"] == expected != []
    for role in ("initiator", "responder"):
        expected = [item for item in items if role_of(item) == role]
        assert page(client, f"?limit=1000&saRole={role}")["items"] == expected != []
    for module in ("ike", "authip", "ikev2"):
        expected = [item for item in items if module_of(item) == module]
        assert page(client, f"?limit=1000&keyModule={module}")["items"] == expected != []
    both = page(client, "?limit=1000&keyModule=ike&keyModule=ikev2&saRole=responder")["items"]
    assert both == [
        item
        for item in items
        if module_of(item) in {"ike", "ikev2"} and role_of(item) == "responder"
    ]


def test_an_error_of_ike_is_found_as_ras_passes_it_on(
    client: TestClient, simulator: Simulator
) -> None:
    page(client)
    simulator.net_event(MAIN_MODE, 13801)
    simulator.net_event(MAIN_MODE, 0x80070000 | 13801)
    simulator.net_event(MAIN_MODE, 13806)
    assert simulator.flush()

    for form in ("ras-13801", "RAS-13801", "0x800735e9", "-2147011095"):
        assert codes(client, f"?error={form}") == [0x80070000 | 13801, 13801]
    assert codes(client, "?error=13801&error=13806") == [13806, 0x80070000 | 13801, 13801]
    assert codes(client, "?error=12345") == []


def test_filters_of_failures_lead_on_to_the_next_page(
    client: TestClient, simulator: Simulator
) -> None:
    page(client)
    simulator.net_events(300, 2)
    assert simulator.flush()
    query = "?limit=1&error=13806&error=13801&saRole=initiator&keyModule=ikev2&keyModule=ike"
    expected = page(client, query.replace("limit=1", "limit=1000"))["items"]

    seen, url = [], f"net-events{query}"
    while url:
        response = client.get(f"/{url}")
        seen += response.json()["items"]
        url = response.headers.get("link", "").partition(">")[0][1:]

    assert seen == expected


def test_what_is_new_is_asked_for_by_the_newest_id_or_by_time(
    client: TestClient, simulator: Simulator
) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    assert simulator.flush()
    newest = page(client)["items"][0]
    simulator.net_event(KERNEL_DROP, 2)
    assert simulator.flush()

    assert codes(client, f"?since={newest['id']}") == [2]
    assert codes(client, f"?since={newest['time']}") == [2, 1]
    assert codes(client, "?since=9999-01-01T00:00:00%2B01:00") == []
    assert not page(client, f"?since={newest['id']}")["missed"]
    before_other = page(client, "?cursor=0123456789ab-7")
    assert (before_other["items"], before_other["missed"]) == ([], True)
    other_run = page(client, "?since=0123456789ab-7")
    assert (len(other_run["items"]), other_run["missed"]) == (2, True)
    datetime.fromisoformat(newest["time"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("since=yesterday", "since"),
        ("since=1700000000", "since"),
        ("since=2026-13-01T00:00:00Z", "since"),
        ("since=2026-11-23T23:53:23", "since"),
        ("cursor=17", "cursor"),
        ("type=classify_drop", "type"),
        ("remoteSubnet=10.0.0.1/8", "remoteSubnet"),
        ("remoteSubnet=host", "remoteSubnet"),
        ("cursor=x", "cursor"),
        ("error=event-4653", "error"),
        ("error=ras-809", "error"),
        ("error=ERROR_NOPE", "error"),
        ("error=99999999999", "error"),
        ("error=-2147483649", "error"),
        ("error=", "error"),
        ("error=" + "1" * 5000, "error"),
        ("saRole=client", "saRole"),
        ("keyModule=ikev3", "keyModule"),
        ("since=0123456789ab-7&since=0123456789ab-8", "since"),
    ],
)
def test_a_bad_parameter_is_refused(client: TestClient, query: str, parameter: str) -> None:
    response = client.get(f"/net-events?{query}")

    assert response.status_code == 422
    assert {error["parameter"].partition(".")[0] for error in response.json()["errors"]} == {
        parameter
    }


def test_collection_that_is_off_is_reported_with_the_way_out(
    serve: Serve, simulator: Simulator
) -> None:
    simulator.collect_net_events(False)
    client = serve(heartbeat_interval_seconds=0.01)

    content = page(client)

    assert content["items"] == []
    assert content["collection"] == "disabled"
    assert "netsh wfp set options netevents=on" in content["howToEnable"]
    assert (content["subscription"], content["reasons"]) == ("inactive", [])

    simulator.collect_net_events()
    until(lambda: page(client)["subscription"] == "active")
    assert page(client)["collection"] == "enabled"


def test_an_engine_without_subscriptions_says_so(serve: Serve, simulator: Simulator) -> None:
    for generation in range(5):
        simulator.fail(f"FwpmNetEventSubscribe{generation}", 1745, times=0)
    simulator.net_event(KERNEL_DROP, 1)
    client = serve()

    content = page(client)

    assert len(content["items"]) == 1
    assert content["subscription"] == "not_supported"
    (reason,) = content["reasons"]
    assert (reason["code"], reason["winError"]) == ("not_supported_by_engine", 1745)
    assert reason["winErrorHex"] == "0x000006d1"


def test_a_missing_right_is_reported_and_no_empty_list_shown(
    serve: Serve, simulator: Simulator
) -> None:
    simulator.fail("FwpmNetEventSubscribe4", 5, times=0)
    client = serve()

    for path in ("/net-events", "/net-events/events"):
        response = client.get(path)
        assert response.status_code == 503
        assert response.json()["code"] == "engine_access_denied"
        assert response.json()["function"] == "FwpmNetEventSubscribe4"
    simulator.clear_failures()


def test_an_engine_that_can_do_neither_is_reported(serve: Serve, simulator: Simulator) -> None:
    for generation in range(6):
        simulator.fail(f"FwpmNetEventEnum{generation}", 1745, times=0)
    for generation in range(5):
        simulator.fail(f"FwpmNetEventSubscribe{generation}", 1745, times=0)
    client = serve()

    response = client.get("/net-events")

    assert (response.status_code, response.json()["code"]) == (501, "not_supported_by_engine")


def test_the_list_stays_while_the_engine_is_down(client: TestClient, simulator: Simulator) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    assert simulator.flush()
    assert codes(client) == [1]
    simulator.stop_engine()

    until(lambda: page(client)["subscription"] == "inactive")
    content = page(client)

    assert [item["error"]["code"] for item in content["items"]] == [1]
    until(lambda: page(client)["reasons"][0]["code"] == "engine_unavailable")
    simulator.start_engine()


def test_asking_costs_the_engine_nothing(serve: Serve, simulator: Simulator) -> None:
    client = serve(heartbeat_interval_seconds=3600)
    client.get("/sa-contexts")
    page(client)
    before = simulator.calls()
    for _ in range(20):
        page(client)

    assert simulator.calls() == before


def test_no_secret_is_shown(client: TestClient, simulator: Simulator) -> None:
    simulator.net_events(120, 5)
    assert simulator.flush()

    text = client.get("/net-events?limit=1000").text

    assert len(text) > 50_000
    assert CANARY not in text
    assert CANARY.encode().hex() not in text


# ---- the stream ----


def events_in(text: str) -> list[tuple[str, str | None]]:
    """The name and the id of each event."""
    return [(event.kind, event.event_id) for event in Parser().feed(text.encode())]


def streamed(
    serve: Serve, query: str = "", header: str | None = None, before: Callable[[], object] = int
) -> str:
    """Return all of a short stream."""
    client = serve(max_stream_seconds=0.3)
    page(client)
    before()
    response = client.get(
        f"/net-events/events{query}", headers={"Last-Event-ID": header} if header else {}
    )
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    return response.text


def test_a_stream_goes_on_after_a_list(serve: Serve, simulator: Simulator) -> None:
    client = serve(max_stream_seconds=0.3)
    simulator.net_event(KERNEL_DROP, 1)
    assert simulator.flush()
    newest = page(client)["items"][0]["id"]
    simulator.net_event(KERNEL_DROP, 2)
    simulator.net_event(QUICK_MODE, 3)
    assert simulator.flush()

    text = client.get(f"/net-events/events?since={newest}&type=ipsec_kernel_drop").text

    epoch = newest.partition("-")[0]
    assert [kind for kind, _ in careless_messages(text)] == [kind for kind, _ in events_in(text)]
    assert "retry: 2000" in text.partition("\n\n")[0]
    assert events_in(text)[0] == ("net_event", f"{epoch}-2")
    assert events_in(text)[-1] == ("reconnect", None)
    assert f"{epoch}-3" not in re.findall(r'"id":"([^"]+)"', text)


@pytest.mark.parametrize(("query", "header"), [("", "x"), ("?since=0123456789ab-1", None)])
def test_a_place_that_is_not_known_gives_a_reset(
    serve: Serve, simulator: Simulator, query: str, header: str | None
) -> None:
    text = streamed(serve, query, header, lambda: simulator.net_event(KERNEL_DROP, 1))

    kinds = [kind for kind, _ in events_in(text)]
    assert (kinds[0], kinds[-1]) == ("reset", "reconnect")


def test_a_stream_without_a_place_begins_with_what_is_to_come(serve: Serve) -> None:
    assert [kind for kind, _ in events_in(streamed(serve))] == ["bookmark", "reconnect"]


def test_bad_parameters_of_a_stream_are_refused(client: TestClient) -> None:
    for query in ("since=2026-11-23T23:53:23Z", "limit=5", "type=x"):
        assert client.get(f"/net-events/events?{query}").status_code == 422
    rejected = client.get("/net-events/events", headers={"Accept": "application/json"})
    assert rejected.status_code == 406


def test_a_stream_that_waits_for_the_engine_is_notified_of_the_stop(simulator: Simulator) -> None:
    simulator.delay("FwpmNetEventEnum5", 2500)
    with Live() as live, ThreadPoolExecutor() as threads:
        asked = threads.submit(live.client.get, "/net-events/events")
        live.until_streams(1)
        live.begin_stop()

        response = asked.result()

    assert (response.status_code, response.json()["code"]) == (503, "server_stopping")
