"""The engine's counters as metrics: each of them, however often it overflows."""

from __future__ import annotations

import ctypes
from struct import pack_into

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from tests.api.test_engine import until
from tests.api.test_metrics import samples, value
from tests.bindings.structs import ABI
from tests.conftest import Serve, serve
from tests.resources.test_statistics_routes import counters, put


__all__ = ["serve"]

LEFT_OUT = {
    "totalDropPacketsInbound",  # the sum of the others
    "totalResponderMainModes",
    "currentNewResponderMainModes",
    "totalReinitAcquires",
    "totalImpersonationExtendedModes",
    "totalImpersonationMainModes",
    "mainModeNegotiationTime",  # of no documented unit
    "quickModeNegotiationTime",
    "extendedModeNegotiationTime",
}
"""The counters that only `/statistics` has."""


def numbered(struct: str, first: int) -> tuple[bytes, dict[str, int]]:
    """A struct whose counters have different numbers, and these by the counter's names."""
    content = bytearray(ABI["structs"][struct]["size"])
    numbers: dict[str, int] = {}
    for names, place, type_ in counters(struct):
        number = first + len(numbers)
        if type_ == "UINT64":
            pack_into("<Q", content, place, number << 33)
            numbers[".".join(names)] = number << 33
        elif type_ == "UINT32":
            pack_into("<I", content, place, number)
            numbers[".".join(names)] = number
        else:  # errorFrequencyTable
            pack_into("<97I", content, place, *range(number * 1000, number * 1000 + 97))
            numbers.update({f"{'.'.join(names)}.{at}": number * 1000 + at for at in range(97)})
    return bytes(content), numbers


def sampled(client: TestClient) -> set[float]:
    return {
        number
        for (name, _), number in samples(client).items()
        if name.startswith(("wfp_ipsec_", "wfp_ike_"))
    }


def test_every_counter_is_a_metric(serve: Serve, simulator: Simulator) -> None:
    client = serve(refresh_interval_seconds=0.02)
    ipsec, ipsec_numbers = numbered("IPSEC_STATISTICS1", 1000)
    ike, ike_numbers = numbered("IKEEXT_STATISTICS1", 2000)
    put(simulator, "/statistics/ipsec", ipsec)
    put(simulator, "/statistics/ike", ike)
    expected = {
        number
        for name, number in (ipsec_numbers | ike_numbers).items()
        if name.rpartition(".")[2] not in LEFT_OUT
    }

    until(lambda: sampled(client) >= expected)

    assert sampled(client) - expected <= {0}
    assert value(client, "wfp_ipsec_active_sas") == ipsec_numbers["aggregateSaStatistics.activeSas"]
    assert (
        value(client, "wfp_ipsec_bytes_total", direction="outbound", kind="tunnel")
        == ipsec_numbers["outboundTrafficStatistics.tunnelByteCount"]
    )
    labels = {"module": "ike_v2", "ip_version": "v6", "mode": "quick"}
    assert (
        value(client, "wfp_ike_negotiations_failed_total", **labels)
        == ike_numbers["ikeV2Statistics.v6Statistics.totalFailedQuickModes"]
    )
    error = {"module": "authip", "error": "ERROR_IPSEC_IKE_NO_CERT"}  # 13806 (winerror.h)
    assert (
        value(client, "wfp_ike_errors_total", **error)
        == ike_numbers["authipStatistics.errorFrequencyTable.6"]
    )


def put_added(simulator: Simulator, number: int) -> None:
    content = bytearray(ABI["structs"]["IPSEC_STATISTICS1"]["size"])
    pack_into("<I", content, 8, number)  # aggregateSaStatistics.totalSasAdded
    memory = ctypes.create_string_buffer(bytes(content), len(content))
    simulator.put_ipsec_statistics(ctypes.addressof(memory))


def test_an_overflow_goes_on_and_a_restart_begins_anew(serve: Serve, simulator: Simulator) -> None:
    client = serve(refresh_interval_seconds=0.02, refresh_retry_seconds=0.02)

    def until_reported(number: int) -> None:
        until(lambda: value(client, "wfp_ipsec_sas_added_total") == number)

    put_added(simulator, (1 << 32) - 10)
    until_reported((1 << 32) - 10)
    put_added(simulator, 5)
    until_reported((1 << 32) + 5)
    put_added(simulator, 3 << 30)
    until_reported((1 << 32) + (3 << 30))
    put_added(simulator, 7)
    until_reported((2 << 32) + 7)

    simulator.stop_engine()
    until(lambda: value(client, "wfp_ipsec_sas_added_total") is None)
    simulator.start_engine()
    put_added(simulator, 9)

    until_reported(9)


@pytest.mark.parametrize(
    ("function", "metric", "other"),
    [
        ("IPsecGetStatistics1", "wfp_ipsec_active_sas", "wfp_ike_queued_work_items"),
        ("IkeextGetStatistics1", "wfp_ike_queued_work_items", "wfp_ipsec_active_sas"),
    ],
)
def test_one_function_that_fails_leaves_the_other(
    serve: Serve, simulator: Simulator, function: str, metric: str, other: str
) -> None:
    simulator.fail(function, 5, times=0)
    client = serve(refresh_interval_seconds=0.02)

    until(lambda: value(client, other) is not None)
    assert value(client, metric) is None

    simulator.clear_failures()
    until(lambda: value(client, metric) is not None)


def test_the_engine_is_asked_at_the_interval_and_not_for_scrapes(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve(refresh_interval_seconds=3600)
    client.get("/sa-contexts?maxAge=0")
    until(lambda: simulator.calls("IPsecGetStatistics1") == 1)  # by the history, once a minute

    for _ in range(5):
        assert value(client, "wfp_ipsec_active_sas") is None

    assert simulator.calls("IPsecGetStatistics1") == 1
