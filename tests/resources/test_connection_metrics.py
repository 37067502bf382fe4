"""What connections transfer, as metrics: all of it, once, whichever of them come and go."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.resources.connections.metrics import (
    OTHERS,
    ConnectionSample,
    EndpointCounts,
    Endpoints,
    Transferred,
)
from app.settings.model import Settings
from tests.api.test_engine import until
from tests.api.test_metrics import samples, value
from tests.conftest import Serve, serve


__all__ = ["serve"]

NAME = "wfp_connection_bytes_total"
DIRECTIONS = ("inbound", "outbound")

Growth = dict[int, tuple[int, int]]
"""Of each connection that there is, what it transfers; one that there is not has ended."""

GROWTHS = st.lists(
    st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, 1000), st.integers(0, 1000)))
)


def ends_of(number: int) -> Endpoints:
    """Two connections each have the same ends."""
    return Endpoints("10.0.0.1", f"10.0.1.{number // 2}", "tunnel")


class Traffic:
    """Connections that count from their beginning on, as the engine's do."""

    def __init__(self) -> None:
        self._connections: dict[int, tuple[str, int, int]] = {}
        self._now = 0

    def looks(self, growth: Growth) -> list[ConnectionSample]:
        """Let so much be transferred, and look."""
        self._now += 1
        before = self._connections
        self._connections = {}
        for number, (inbound, outbound) in growth.items():
            start, old_in, old_out = before.get(number, (str(self._now), 0, 0))
            self._connections[number] = (start, old_in + inbound, old_out + outbound)
        return [
            ConnectionSample((str(number), start), ends_of(number), Transferred(*transferred))
            for number, (start, *transferred) in self._connections.items()
        ]


@given(GROWTHS)
def test_counts_have_all_that_was_transferred(growths: list[Growth]) -> None:
    traffic, counted = Traffic(), EndpointCounts(5)
    expected: dict[str, Counter[Endpoints]] = {direction: Counter() for direction in DIRECTIONS}
    for growth in growths:
        counted.add_samples(traffic.looks(growth))
        for number, more in growth.items():
            for direction, number_of_bytes in zip(DIRECTIONS, more, strict=True):
                expected[direction][ends_of(number)] += number_of_bytes

        shown = {ends: each._asdict() for ends, each in counted.counts.items()}
        assert shown.pop(OTHERS) == {"inbound": 0, "outbound": 0}
        for direction in DIRECTIONS:
            assert {ends: shown[ends][direction] for ends in shown} == dict(expected[direction])


@given(GROWTHS, st.integers(1, 4))
def test_what_has_no_room_is_with_the_others(growths: list[Growth], most: int) -> None:
    traffic, counted = Traffic(), EndpointCounts(most)
    for growth in growths:
        before = dict(counted.counts)
        counted.add_samples(traffic.looks(growth))
        after = counted.counts

        there = {ends_of(number) for number in growth}
        assert len(after) <= most + 1
        assert before.keys() - after.keys() <= before.keys() - there - {OTHERS}
        assert after.keys() - {OTHERS} >= there or len(after) == most + 1
        risen = [Transferred(*after[ends]).since(before.get(ends, Transferred())) for ends in after]
        assert all(after[ends] >= before[ends] for ends in after.keys() & before.keys())
        assert sum(map(sum, risen)) == sum(map(sum, growth.values()))


def test_the_busiest_have_room() -> None:
    counted = EndpointCounts(2)
    counted.add_samples(Traffic().looks({0: (1, 1), 2: (5, 0), 4: (0, 3), 6: (1, 0)}))

    assert counted.counts == {
        ends_of(2): Transferred(5, 0),
        ends_of(4): Transferred(0, 3),
        OTHERS: Transferred(2, 1),
    }


def test_a_count_that_begins_anew_is_added_whole() -> None:
    counted = EndpointCounts(1)
    for transferred in (Transferred(100, 7), Transferred(30, 8), Transferred(31, 8)):
        counted.add_samples([ConnectionSample(("1", None), ends_of(0), transferred)])

    assert counted.counts[ends_of(0)] == Transferred(131, 15)


def scraped(client: TestClient) -> dict[tuple[str, ...], float]:
    """Bytes by the words of all labels."""
    return {
        tuple(dict(labels)[name] for name in (*Endpoints._fields, "direction")): number
        for (name, labels), number in samples(client).items()
        if name == NAME
    }


def listed(client: TestClient) -> dict[tuple[str, ...], float]:
    """The same of the list."""
    bytes_: Counter[tuple[str, ...]] = Counter()
    for item in client.get("/connections?limit=1000&maxAge=0").json()["items"]:
        ends = item["localAddress"], item["remoteAddress"], item["ipsecTrafficModeType"]
        bytes_[*ends, "inbound"] += int(item["bytesTransferredIn"])
        bytes_[*ends, "outbound"] += int(item["bytesTransferredOut"])
    return dict(bytes_)


NOTHING: dict[tuple[str, ...], float] = {(*OTHERS, direction): 0 for direction in DIRECTIONS}


def test_metrics_agree_with_connections(serve: Serve, simulator: Simulator) -> None:
    client = serve(
        contexts=100,
        metrics_connections=1000,
        refresh_interval_seconds=0.02,
        refresh_retry_seconds=0.02,
    )
    until(lambda: bool(scraped(client)))
    first = listed(client)
    assert scraped(client) == first | NOTHING
    assert value(client, "wfp_connections") == len(simulator.connections())

    one = client.get(f"/connections/{simulator.connections()[0]}").json()
    ends = one["localAddress"], one["remoteAddress"], one["ipsecTrafficModeType"]
    received, sent = int(one["bytesTransferredIn"]) + 1000, int(one["bytesTransferredOut"]) + 1
    assert simulator.set_connection_bytes(int(one["connectionId"]), received, sent)
    risen = first | {
        (*ends, "inbound"): first[*ends, "inbound"] + 1000,
        (*ends, "outbound"): first[*ends, "outbound"] + 1,
    }
    until(lambda: scraped(client) == risen | NOTHING)

    simulator.monitor_connections(is_on=False)
    until(lambda: value(client, "wfp_connections") == 0)
    assert scraped(client) == risen | NOTHING

    simulator.stop_engine()
    until(lambda: value(client, "wfp_connections") is None)
    assert scraped(client) == {}
    simulator.start_engine()
    until(lambda: bool(scraped(client)))
    assert scraped(client) == risen | NOTHING


def test_there_are_no_more_than_asked_for(serve: Serve) -> None:
    client = serve(contexts=100, metrics_connections=3, refresh_interval_seconds=0.02)
    until(lambda: bool(scraped(client)))

    counted, all_ = scraped(client), listed(client)
    assert len(counted) == 2 * (3 + 1)
    assert sum(counted.values()) == sum(all_.values())
    assert counted[*OTHERS, "inbound"] > 0


@pytest.mark.parametrize(
    ("settings", "is_read"),
    [
        ({"refresh_interval_seconds": 0.02}, False),
        ({"refresh_interval_seconds": 3600, "metrics_connections": 5}, False),
        ({"refresh_interval_seconds": 0.02, "metrics_connections": 5}, True),
    ],
)
def test_only_samples_that_were_asked_for_count_connections(
    serve: Serve, settings: dict[str, Any], is_read: bool
) -> None:
    client = serve(contexts=5, **settings)
    if (
        settings["refresh_interval_seconds"] < 1
    ):  # then the engine's counters are sampled next to these
        until(lambda: value(client, "wfp_ipsec_active_sas") is not None)
        until(lambda: bool(scraped(client)) == is_read)
    client.get("/metrics")

    assert bool(scraped(client)) == is_read
    assert ("wfp_connection" in client.get("/metrics").text) == ("metrics_connections" in settings)


def test_the_setting_is_bounded() -> None:
    assert Settings.model_validate({"metrics_connections": 10_000}).metrics_connections == 10_000
    for wrong in (-1, 10_001):
        with pytest.raises(ValidationError):
            Settings.model_validate({"metrics_connections": wrong})
