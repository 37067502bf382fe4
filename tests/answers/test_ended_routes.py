"""`/sa-contexts/ended` and the stream: how contexts of the simulator end, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest
from sa_contexts_simulator import Crowd, Option, Simulator

from app.answers.ended.recorder import EndedContexts
from bindings._fwpuclnt import ffi
from tests.api.live import Live, Stream
from tests.api.test_metrics import value
from tests.bindings.trees import Tree
from tests.soak.schemas import SCHEMA, reason_against
from tests.sse import Event


CONTEXTS = 5
IKEV2 = (0x041792CC, 0x8F07, 0x419D, bytes.fromhex("a394716968cb1647"))
LOCAL, REMOTE = "10.0.0.1", "203.0.113.7"
ENDED = "/sa-contexts/ended"
ENDINGS = ("endReason", "evidence", "firstSeen", "duration")
DESCRIPTION = ("localAddress", "remoteAddress", "trafficType", "mmSaId")


@pytest.fixture
def live(simulator: Simulator) -> Iterator[Live]:
    with Live(simulated_contexts=CONTEXTS) as live:
        yield live
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def context(
    *,
    remote: str = REMOTE,
    lifetime: int = 3600,
    idle_timeout: int = 0,
    main_mode: int = 0,
    is_ikev2: bool = False,
    filter_id: int = 0,
    udp_port: int = 0,
) -> Tree:
    """Return a complete context in transport mode."""
    tree = Tree()
    for at, name in enumerate(("inboundSa", "outboundSa")):
        details = tree.new("IPSEC_SA_DETAILS1")
        setattr(tree.context, name, details)
        details.saDirection = 1 - at  # FWP_DIRECTION_INBOUND, FWP_DIRECTION_OUTBOUND
        if is_ipv4 := ip_address(remote).version == 4:
            details.traffic.localV4Address = int(IPv4Address(LOCAL))
            details.traffic.remoteV4Address = int(IPv4Address(remote))
        else:
            details.ipVersion = details.traffic.ipVersion = 1  # FWP_IP_VERSION_V6
            ffi.memmove(details.traffic.remoteV6Address, ip_address(remote).packed, 16)
        if udp_port and is_ipv4:
            details.udpEncapsulation = tree.new("IPSEC_V4_UDP_ENCAPSULATION0")
            details.udpEncapsulation.remoteUdpEncapPort = udp_port
        bundle = details.saBundle
        bundle.lifetime.lifetimeSeconds = lifetime
        bundle.idleTimeoutSeconds = idle_timeout
        bundle.mmSaId = main_mode
        bundle.qmFilterId = filter_id
        if is_ikev2:
            bundle.keyModuleState = tree.new("IPSEC_KEYMODULE_STATE0")
            key = bundle.keyModuleState.keyModuleKey
            key.Data1, key.Data2, key.Data3 = IKEV2[:3]
            ffi.memmove(key.Data4, IKEV2[3], 8)
    return tree


def main_mode(sa_id: int, remote: str | None = None, *, module: int = 2, udp_port: int = 0) -> Tree:
    """Return a main mode SA, by default IKEv2's."""
    tree = Tree(2, struct="IKEEXT_SA_DETAILS")
    details = tree.context
    details.saId, details.keyModuleType = sa_id, module
    if remote is not None:
        address = ip_address(remote)
        details.ipVersion = details.ikeTraffic.ipVersion = int(address.version == 6)
        if isinstance(address, IPv4Address):
            details.ikeTraffic.remoteV4Address = int(address)
        else:
            ffi.memmove(details.ikeTraffic.remoteV6Address, address.packed, 16)
    if udp_port:
        details.v4UdpEncapsulation = tree.new("IPSEC_V4_UDP_ENCAPSULATION0")
        details.v4UdpEncapsulation.remoteUdpEncapPort = udp_port
    return tree


def next_of(stream: Stream, kind: str) -> Event:
    while (event := stream.next()).kind != kind:
        pass
    return event


def added(stream: Stream, simulator: Simulator, tree: Tree) -> int:
    """Put a context and wait until the stream shows it; return its id."""
    number = simulator.put(tree.address)
    while int(next_of(stream, "added").data["saContext"]["saContextId"]) != number:
        pass
    return number


def ended(stream: Stream, simulator: Simulator, number: int) -> Any:
    """Delete a context and return the data of its event."""
    simulator.delete(number)
    event = next_of(stream, "deleted")
    assert reason_against(event.data, SCHEMA + "SaContextDeleted") is None
    assert event.data["saContextId"] == str(number)
    return event.data


def page(live: Live, query: str = "") -> Any:
    answer = live.client.get(f"{ENDED}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert reason_against(found, SCHEMA + "EndedSaContextPage") is None
    return found


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline


def test_the_stream_and_the_list_say_the_same(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    with live.stream() as stream:
        stream.next()
        began = datetime.now(UTC)
        number = added(stream, simulator, context(lifetime=1, main_mode=77))
        gone = ended(stream, simulator, number)

    [row] = page(live)["items"]
    assert {n: row[n] for n in (*DESCRIPTION, *ENDINGS)} == {
        n: gone[n] for n in (*DESCRIPTION, *ENDINGS)
    }
    assert row["time"] == gone["time"]
    assert (row["localAddress"], row["remoteAddress"]) == (LOCAL, REMOTE)
    assert (row["trafficType"], row["mmSaId"]) == ("transport", "77")
    assert row["endReason"] == "lifetime_expired"
    assert row["evidence"] == {"lifetimeSeconds": 1, "ageSeconds": row["duration"]}
    seen, time_ = map(datetime.fromisoformat, (row["firstSeen"], row["time"]))
    assert began <= seen <= time_ <= datetime.now(UTC)
    assert abs((time_ - seen).total_seconds() - row["duration"]) < 1


def test_of_a_context_that_was_there_at_the_start_no_beginning_is_known(
    live: Live, simulator: Simulator
) -> None:
    live.client.get("/sa-contexts?maxAge=0")
    with live.stream() as stream:
        stream.next()
        gone = ended(stream, simulator, simulator.ids()[0])

    assert gone.keys().isdisjoint(("firstSeen", "duration"))
    assert gone["endReason"] in {"unknown", "main_mode_gone"}
    assert page(live)["items"][0]["saContextId"] == gone["saContextId"]


def test_a_rekey_is_one_whichever_comes_first(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    with live.stream() as stream:
        stream.next()
        first = added(stream, simulator, context(main_mode=5, filter_id=6))
        second = added(stream, simulator, context(main_mode=5, filter_id=6))
        gone = ended(stream, simulator, first)
        assert (gone["endReason"], gone["evidence"]) == ("rekeyed", {"replacedBy": str(second)})
        assert gone["rekey"] == {"replacedBy": str(second), "inferred": True}

        gone = ended(stream, simulator, second)
        assert gone["endReason"] == "unknown"  # so far
        third = added(stream, simulator, context(main_mode=5, filter_id=6))

    rows = page(live, "?endReason=rekeyed")["items"]
    assert [(row["saContextId"], row["evidence"]["replacedBy"]) for row in rows] == [
        (str(second), str(third)),
        (str(first), str(second)),
    ]


def test_the_main_mode_of_ikev2_is_gone(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    tree = main_mode(1234)
    simulator.put_ike_sa(tree.address)
    reasons: list[Any] = []
    with live.stream() as stream:
        stream.next()
        for is_ikev2 in (True, False):
            tree = context(main_mode=1234, is_ikev2=is_ikev2, filter_id=len(reasons))
            reasons.append(ended(stream, simulator, added(stream, simulator, tree)))
        one, other = (
            added(stream, simulator, context(main_mode=1234, is_ikev2=each, filter_id=5 + each))
            for each in (True, False)
        )
        simulator.delete_ike_sa(1234)
        reasons += [ended(stream, simulator, number) for number in (one, other)]

    assert [(gone["endReason"], gone["evidence"]) for gone in reasons] == [
        ("unknown", {}),
        ("unknown", {}),
        ("main_mode_gone", {"mmSaId": "1234"}),
        ("unknown", {}),
    ]


REMOTE_V6 = "2001:db8::7"
OTHERS: dict[str, tuple[dict[str, Any], Tree, str]] = {
    "its successor": ({}, main_mode(1235, REMOTE), "unknown"),
    "one of IKEv1": ({}, main_mode(1235, REMOTE, module=0), "main_mode_gone"),
    "one of another peer": ({}, main_mode(1235, "203.0.113.8"), "main_mode_gone"),
    "its successor behind a NAT": (
        {"udp_port": 4501},
        main_mode(1235, REMOTE, udp_port=4501),
        "unknown",
    ),
    "one of another client behind the NAT": (
        {"udp_port": 4501},
        main_mode(1235, REMOTE, udp_port=4502),
        "main_mode_gone",
    ),
    "one whose port is unknown": ({"udp_port": 4501}, main_mode(1235, REMOTE), "unknown"),
    "its successor with IPv6": ({"remote": REMOTE_V6}, main_mode(1235, REMOTE_V6), "unknown"),
    "one of another peer with IPv6": (
        {"remote": REMOTE_V6},
        main_mode(1235, "2001:db8::8"),
        "main_mode_gone",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_main_mode_that_may_have_been_rekeyed_proves_nothing(
    live: Live, simulator: Simulator, other: str
) -> None:
    form, remaining, reason = OTHERS[other]
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    tree = main_mode(1234)
    simulator.put_ike_sa(tree.address)
    simulator.put_ike_sa(remaining.address)
    with live.stream() as stream:
        stream.next()
        number, last = (
            added(stream, simulator, context(main_mode=1234, is_ikev2=True, filter_id=each, **form))
            for each in (1, 2)
        )
        simulator.delete_ike_sa(1234)

        assert ended(stream, simulator, number)["endReason"] == reason
        simulator.delete_ike_sa(1235)
        assert ended(stream, simulator, last)["endReason"] == "main_mode_gone"


@pytest.mark.parametrize("function", ["IkeextSaCreateEnumHandle0", "IkeextSaEnum2"])
def test_main_modes_that_cannot_be_listed_prove_nothing(
    live: Live, simulator: Simulator, function: str
) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    simulator.fail(function, 5, times=0)
    with live.stream() as stream:
        stream.next()
        number = added(stream, simulator, context(main_mode=1234, is_ikev2=True))

        assert ended(stream, simulator, number)["endReason"] == "unknown"
    simulator.clear_failures()


def test_a_main_mode_that_cannot_be_read_proves_nothing(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    simulator.fail("IkeextSaGetById2", 5, times=0)
    with live.stream() as stream:
        stream.next()
        number = added(stream, simulator, context(main_mode=1234, is_ikev2=True))

        assert ended(stream, simulator, number)["endReason"] == "unknown"
    simulator.clear_failures()


def test_idle_timeout_needs_bytes_that_stand_still(simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    with Live(simulated_contexts=0, refresh_interval_seconds=0.2) as live:
        part = live.service.part(EndedContexts)
        stillness = part._stillness  # noqa: SLF001  # only time makes connections idle
        remotes = ("203.0.113.7", "203.0.113.8")
        ends = [
            (IPv4Address(LOCAL).packed, IPv4Address(each).packed, "transport") for each in remotes
        ]
        with live.stream() as stream:
            stream.next()
            idle, busy = (
                added(stream, simulator, context(remote=each, idle_timeout=1)) for each in remotes
            )
            until(
                lambda: all(
                    (stillness.idle_seconds(each, time.monotonic()) or 0) >= 1 for each in ends
                )
            )
            moved = time.monotonic()
            for number in simulator.connections():
                shown = live.client.get(f"/connections/{number}").json()
                if shown["remoteAddress"] == remotes[1]:
                    simulator.set_connection_bytes(number, 10**9, 10**9)
            until(lambda: stillness.idle_seconds(ends[1], moved) == 0)
            reasons = [ended(stream, simulator, number) for number in (idle, busy)]
        monitoring = page(live)["monitoring"]

    assert [gone["endReason"] for gone in reasons] == ["idle_timeout", "unknown"]
    assert reasons[0]["evidence"]["idleTimeoutSeconds"] == 1
    assert reasons[0]["evidence"]["idleSeconds"] >= 0.6
    assert monitoring == "on"


def test_an_engine_that_restarted_is_only_in_the_list(live: Live, simulator: Simulator) -> None:
    live.client.get("/sa-contexts?maxAge=0")
    before = [*map(str, simulator.ids())]
    with live.stream() as stream:
        stream.next()
        simulator.stop_engine()
        simulator.start_engine()
        live.client.get("/sa-contexts?maxAge=0")
        assert stream.next().kind == "reset"

    rows = page(live, "?endReason=engine_restarted")["items"]
    assert sorted(row["saContextId"] for row in rows) == sorted(before)
    assert all(row["evidence"] == {} for row in rows)
    assert page(live, "?endReason=unknown")["items"] == []


def test_a_session_that_was_lost_ends_no_context(live: Live, simulator: Simulator) -> None:
    live.client.get("/sa-contexts?maxAge=0")
    gone = simulator.ids()[0]
    simulator.fail("IPsecSaContextCreateEnumHandle0", 1726)
    simulator.lose(1)
    simulator.delete(gone)
    live.client.get("/sa-contexts?maxAge=0")

    [row] = page(live)["items"]
    assert (row["saContextId"], row["endReason"]) == (str(gone), "unknown")


def test_a_context_that_no_longer_matches_has_not_ended(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    with live.stream(f"?remoteAddress={REMOTE}") as stream:
        stream.next()
        number = added(stream, simulator, context())
        other = context(remote="203.0.113.9")
        other.context.saContextId = number
        simulator.put(other.address)
        simulator.announce(1, number)
        gone = next_of(stream, "deleted").data

    assert gone["saContextId"] == str(number)
    assert gone["remoteAddress"] == REMOTE
    assert gone.keys().isdisjoint(ENDINGS)
    assert page(live)["items"] == []


def test_pages_follow_each_other(live: Live, simulator: Simulator) -> None:
    live.client.get("/sa-contexts?maxAge=0")
    numbers = simulator.ids()
    for number in numbers:
        simulator.delete(number)
        live.client.get("/sa-contexts?maxAge=0")
    path, found = f"{ENDED}?limit=2&since=1h", []
    while path:
        answer = live.client.get(path)
        assert answer.json()["missed"]  # the server has not run for an hour
        found += [int(row["saContextId"]) for row in answer.json()["items"]]
        assert ("nextCursor" in answer.json()) == ("next" in answer.links)
        path = f"/sa-contexts/{answer.links['next']['url']}" if answer.links else ""

    assert found == numbers[::-1]
    since = datetime.now(UTC) + timedelta(minutes=1)
    later = page(live, f"?since={since:%Y-%m-%dT%H:%M:%SZ}")
    assert (later["items"], later["missed"]) == ([], False)


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=10",
        "since=10w",
        "since=9999999d",
        "since=999999d",
        "since=2026-02-30T00:00:00Z",
        "since=1m&since=2m",
        "cursor=x",
        "cursor=0123456789ab-",
        "endReason=other",
        "remoteAddress=10.0.0.0/8",
        "principalName=",
        "principalName=" + "x" * 257,
        "limit=0",
        "maxAge=1",
        "mmSaId=1",
    ],
)
def test_what_is_not_a_parameter_is_reported(live: Live, query: str) -> None:
    answer = live.client.get(f"{ENDED}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")


def test_reasons_are_counted(live: Live, simulator: Simulator) -> None:
    live.client.get("/sa-contexts?maxAge=0")
    simulator.delete(simulator.ids()[0])
    live.client.get("/sa-contexts?maxAge=0")

    reasons = ("unknown", "main_mode_gone", "deleted_here")
    client: Any = live.client
    counts = [value(client, "wfp_sa_contexts_ended_total", reason=each) for each in reasons]
    assert sum(each or 0 for each in counts) == 1
    assert counts[-1] == 0


def test_what_ends_among_more_changes_than_the_journal_keeps_is_listed(
    simulator: Simulator,
) -> None:
    with Live(simulated_contexts=CONTEXTS, max_journal_bytes=1) as live:
        live.client.get("/sa-contexts?maxAge=0")
        gone = simulator.ids()[0]
        simulator.lose(9)  # so that one refresh finds all changes
        simulator.delete(gone)
        simulator.add_crowd(Crowd.STORM)
        live.client.get("/sa-contexts?maxAge=0")

        [row] = page(live)["items"]
        assert (row["saContextId"], row["endReason"]) == (str(gone), "unknown")
