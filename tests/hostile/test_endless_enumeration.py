"""An engine whose enumeration never ends: it costs bounded memory, and a typed problem."""

from __future__ import annotations

from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter

import httpx2

from tests.hostile.fatal_engine import ENDLESS, build
from tests.hostile.process import running_target


MAX_JSON_BYTES = 128 << 20
"""An eighth of the default, so that a refresh reaches it within seconds."""
GROWTH_BYTES = 2 * MAX_JSON_BYTES
"""How far the server's memory may grow: the JSON, index keys and fingerprints of one refresh, and
what the engine keeps of the pages that are not decoded yet."""
SECONDS = 8
TIMEOUT_SECONDS = 120
P99_SECONDS = 0.25


def test_endless_enumeration_ends_with_a_problem_and_costs_bounded_memory(tmp_path: Path) -> None:
    with (
        running_target(
            library=build(tmp_path, ENDLESS),
            simulated_contexts=2000,
            simulated_churn=0,
            simulated_net_events=0,
            max_enumeration_bytes=MAX_JSON_BYTES,
            engine_timeout_seconds=TIMEOUT_SECONDS,
        ) as target,
        httpx2.Client(base_url=target.url, timeout=TIMEOUT_SECONDS) as client,
    ):
        target.forget_peak()
        before = target.resident_bytes()
        waits: list[float] = []
        end = monotonic() + SECONDS
        while monotonic() < end:
            began = perf_counter()
            assert client.get("/ike-sas?limit=10").status_code == 200
            waits.append(perf_counter() - began)

        problem = client.get("/sa-contexts")
        growth = target.peak_bytes() - before
        (tmp_path / "healed").touch()
        recovered = client.get("/sa-contexts?maxAge=0")

    assert (problem.status_code, problem.json()["code"]) == (500, "engine_answer_too_large")
    assert "IPsecSaContextEnum1 gave more than" in problem.json()["detail"]
    assert growth < GROWTH_BYTES
    assert quantiles(waits, n=100)[98] < P99_SECONDS
    assert recovered.status_code == 200
