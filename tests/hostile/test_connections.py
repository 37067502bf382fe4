"""Clients that occupy connections, time and memory for nothing."""

from __future__ import annotations

import pytest

from tests.hostile import crowd as clients
from tests.hostile.conftest import Attacked
from tests.hostile.crowd import Client
from tests.hostile.distance import far
from tests.hostile.process import Target


ATTACKS = [
    pytest.param(clients.one_request, 1, 4, "200", id="none"),
    pytest.param(clients.silent, 5000, 6, "closed", id="silent"),
    pytest.param(clients.half, 2000, 6, clients.RESET, id="half"),
    pytest.param(clients.dripping, 200, 13, "408 request_timeout", id="dripping"),
    pytest.param(clients.idle, 5000, 6, "200", id="idle"),
    pytest.param(
        clients.heads_without_end, 20, 4, "431 header_fields_too_large", id="heads_without_end"
    ),
    pytest.param(clients.one_long_field, 20, 4, "431 header_fields_too_large", id="one_long_field"),
    pytest.param(clients.many_fields, 20, 4, "431 header_fields_too_large", id="many_fields"),
    pytest.param(clients.announced_body, 20, 4, "413 content_too_large", id="announced_body"),
    pytest.param(clients.chunked_body, 20, 4, "411 length_required", id="chunked_body"),
    pytest.param(clients.pipelining, 20, 10, "all answered", id="pipelining"),
    pytest.param(clients.pipelining_on, 20, 6, "still there", id="pipelining_on"),
    pytest.param(clients.leaving_at_once, 100, 4, "left", id="leaving_at_once"),
    pytest.param(clients.asking_and_leaving, 100, 4, "left", id="asking_and_leaving"),
    pytest.param(clients.one_request, 100, 4, "200", id="one_request"),
]
SLOW_READERS = [
    pytest.param(clients.not_reading, 250, id="not_reading"),
    pytest.param(clients.not_reading_filtered, 250, id="not_reading_filtered"),
    pytest.param(clients.not_reading_basic, 250, id="not_reading_basic"),
    pytest.param(clients.not_reading_compressed, 250, id="not_reading_compressed"),
    pytest.param(clients.not_reading_export, 250, id="not_reading_export"),
    pytest.param(clients.not_reading_compressed_export, 250, id="not_reading_compressed_export"),
    pytest.param(clients.reading_by_drops, 250, id="reading_by_drops"),
    pytest.param(clients.pipelining_unread, 200, id="pipelining_unread"),
]


@pytest.mark.parametrize(("client", "count", "seconds", "end"), ATTACKS)
def test_the_server_outlives(
    attacked: Attacked, target: Target, client: Client, count: int, seconds: float, end: str
) -> None:
    with attacked():
        ends = target.crowd(client, count, seconds)

    assert ends[end] >= min(count, 20), ends


@far
@pytest.mark.parametrize(("client", "count", "seconds", "end"), ATTACKS)
def test_the_server_outlives_at_a_distance(
    attacked: Attacked, target: Target, client: Client, count: int, seconds: float, end: str
) -> None:
    """Clients that have not sent a request may be reset instead, because there are too many."""
    with attacked():
        ends = target.crowd(client, count, seconds)

    assert ends[end] + ends[clients.RESET] >= min(count, 10), ends


@pytest.mark.parametrize(("client", "count"), SLOW_READERS)
def test_slow_readers_cost_little(
    attacked: Attacked, target: Target, client: Client, count: int
) -> None:
    """`attacked` judges the cost; how many clients are cut off by the end depends on the load."""
    with attacked():
        ends = target.crowd(client, count, 7, receive_bytes=4096)

    assert set(ends) <= {clients.CLOSED, clients.RESET, clients.THERE}, ends


@far
@pytest.mark.parametrize(("client", "count"), SLOW_READERS)
def test_slow_readers_cost_little_at_a_distance(
    attacked: Attacked, target: Target, client: Client, count: int
) -> None:
    with attacked():
        ends = target.crowd(client, count, 7, receive_bytes=4096)

    assert set(ends) <= {clients.CLOSED, clients.RESET, clients.THERE}, ends


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(clients.not_reading, id="not_reading"),
        pytest.param(clients.not_reading_filtered, id="not_reading_filtered"),
        pytest.param(clients.not_reading_basic, id="not_reading_basic"),
        pytest.param(clients.not_reading_export, id="not_reading_export"),
    ],
)
def test_clients_that_read_nothing_are_cut_off(target: Target, client: Client) -> None:
    """The clients read after nine seconds; a connection that is open by then stays open."""
    ends = target.crowd(client, 10, clients.UNREAD_SECONDS + 2, receive_bytes=4096)

    assert ends[clients.CLOSED] + ends[clients.RESET] >= 10, ends


@far
def test_a_client_that_reads_nothing_is_cut_off_at_a_distance(target: Target) -> None:
    ends = target.crowd(clients.not_reading, 10, clients.UNREAD_SECONDS + 2, receive_bytes=4096)

    assert ends[clients.CLOSED] + ends[clients.RESET] >= 10, ends
