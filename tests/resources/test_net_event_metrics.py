"""Failures are counted by name, up to a maximum of names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from sa_contexts_simulator import Simulator

from app.resources.net_events.metrics import MAX_SERIES, FailureMetrics
from tests.api.test_engine import until
from tests.api.test_metrics import value
from tests.conftest import Serve, serve


__all__ = ["serve"]

MAIN_MODE, KERNEL_DROP = 0, 4  # FWPM_NET_EVENT_TYPE (fwpmtypes.h)


def test_there_are_not_more_series_than_there_may_be() -> None:
    registry = CollectorRegistry()
    failures = FailureMetrics(registry)

    for number in range(MAX_SERIES + 50):
        failures.count("main_mode", f"ERROR_{number}")
        failures.count("main_mode", "ERROR_0")

    counted = {
        sample.labels["error"]: sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    assert len(counted) == MAX_SERIES + 1  # and other
    assert counted["ERROR_0"] == MAX_SERIES + 51
    assert counted["other"] == 50
    assert sum(counted.values()) == 2 * (MAX_SERIES + 50)


def test_what_net_events_report_is_counted(serve: Serve, simulator: Simulator) -> None:
    simulator.net_event(MAIN_MODE, 13801, 1)  # before the server: not counted
    client = serve()
    client.get("/net-events")

    def count_of(type_: str, error: str) -> float | None:
        return value(client, "wfp_failures_total", type=type_, error=error)

    for seed in (2, 3):
        simulator.net_event(MAIN_MODE, 13801, seed)
    simulator.net_event(KERNEL_DROP, 0xC0360001, 4)
    simulator.net_event(KERNEL_DROP, 0xC0FFEE, 5)
    simulator.net_event(MAIN_MODE, 0x800B0109, 6)
    for code in (0x800BFFFE, 0x800BFFFF):
        simulator.net_event(MAIN_MODE, code, 7)

    until(lambda: count_of("ike_main_mode_failure", "ERROR_IPSEC_IKE_AUTH_FAIL") == 2)
    until(lambda: count_of("ipsec_kernel_drop", "STATUS_IPSEC_BAD_SPI") == 1)
    until(lambda: count_of("ipsec_kernel_drop", "other") == 1)
    until(lambda: count_of("ike_main_mode_failure", "CERT_E_UNTRUSTEDROOT") == 1)
    until(lambda: count_of("ike_main_mode_failure", "other") == 2)
    assert count_of("ike_quick_mode_failure", "other") == 0


def test_a_burst_is_counted_in_full(serve: Serve, simulator: Simulator) -> None:
    client = serve(max_net_events=10)
    client.get("/net-events")

    simulator.net_events(500, 1)
    assert simulator.flush()

    samples = [
        line.rpartition(" ")[2]
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("wfp_failures_total{")
    ]
    assert sum(map(float, samples)) == 500
