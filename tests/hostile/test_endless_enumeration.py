"""An engine whose enumeration never ends: it costs bounded memory, and a typed problem."""

from __future__ import annotations

from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter

import httpx2

from tests.hostile.conftest import P99_SECONDS, waits_less
from tests.hostile.distance import Reach, near_and_far
from tests.hostile.fatal_engine import ENDLESS, build
from tests.hostile.process import running_target


MAX_JSON_BYTES = 64 << 20
"""A sixteenth of the default, so that a refresh reaches it within seconds."""
GROWTH_BYTES = 2 * MAX_JSON_BYTES
"""How far the server's memory may grow: the JSON, index keys and fingerprints of one refresh, and
what the engine keeps of the pages that are not decoded yet."""
LIST = "/ike-sas?limit=10&maxAge=3600"
SECONDS = 4
TIMEOUT_SECONDS = 120


@near_and_far
def test_endless_enumeration_ends_with_a_problem_and_costs_bounded_memory(
    tmp_path: Path, reach: Reach
) -> None:
    """The engine attacks, not the client: over each network, another list is answered in time."""
    with (
        running_target(
            reach,
            allow_insecure=True,
            library=build(tmp_path, ENDLESS),
            simulated_contexts=2000,
            simulated_churn=0,
            simulated_net_events=0,
            max_enumeration_bytes=MAX_JSON_BYTES // 2 if reach.is_distant else MAX_JSON_BYTES,
            engine_timeout_seconds=TIMEOUT_SECONDS,
        ) as target,
        httpx2.Client(base_url=target.url, timeout=TIMEOUT_SECONDS) as client,
    ):
        assert client.get(LIST).status_code == 200  # read for once
        target.forget_peak()
        before = target.resident_bytes()
        waits: list[float] = []
        end = monotonic() + SECONDS
        while monotonic() < end:
            began = perf_counter()
            assert client.get(LIST).status_code == 200
            waits.append(perf_counter() - began)

        problem = client.get("/sa-contexts")
        growth = target.peak_bytes() - before
        (tmp_path / "healed").touch()
        recovered = client.get("/sa-contexts?maxAge=0")

    assert (problem.status_code, problem.json()["code"]) == (500, "engine_answer_too_large")
    assert "IPsecSaContextEnum1 gave more than" in problem.json()["detail"]
    assert growth < GROWTH_BYTES
    waits_less(
        "p99",
        quantiles(waits, n=100, method="inclusive")[98],
        P99_SECONDS + reach.round_trip_seconds,
    )
    assert recovered.status_code == 200
