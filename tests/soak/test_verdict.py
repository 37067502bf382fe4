"""A soak fails if it should."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.soak import log
from tests.soak.contract import operations
from tests.soak.memory import Memory, Sample
from tests.soak.outcomes import AT_THE_END, EXPECTED, Outcomes
from tests.soak.process import End
from tests.soak.report import GRACE_SECONDS, Report


CLEAN = {"open_handles": 0, "open_enumerations": 0, "unfreed_blocks": 0, "misuses": 0, "calls": 9}
GOOD = End(1.0, 0, CLEAN)


def report(end: End | None = GOOD, *, missing: str = "", leak: int = 0) -> Report:
    """Return the report of a soak in which every outcome occurred."""
    outcomes = Outcomes()
    for kind, each in [*EXPECTED.items(), *AT_THE_END.items()]:
        for outcome in each:
            if outcome != missing:
                outcomes.count(kind, outcome)
    samples = [Sample(second, (100 << 20) + leak * second) for second in range(600)]
    return Report(outcomes, memory=Memory(samples, [1, 1, 1, 1]), end=end)


def test_a_good_soak_passes() -> None:
    assert report().judge(is_long=True) == []


@pytest.mark.parametrize("name", ["open_handles", "open_enumerations", "unfreed_blocks", "misuses"])
def test_what_is_left_open_fails(name: str) -> None:
    assert report(replace(GOOD, counts={**CLEAN, name: 1})).judge(is_long=False) == [f"{name}: 1"]


def test_a_server_that_does_not_end_well_fails() -> None:
    assert report(replace(GOOD, code=-9)).judge(is_long=False)
    assert report(replace(GOOD, seconds=GRACE_SECONDS + 1)).judge(is_long=False)
    assert report(replace(GOOD, counts={})).judge(is_long=False)
    assert report(None).judge(is_long=False)


def test_a_soak_drives_every_operation() -> None:
    assert {operation.label for operation in operations()} <= set(EXPECTED)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("GET /sa-contexts", "410 cursor_expired"), ("watches", "stop announced")],
)
def test_a_soak_without_a_required_outcome_fails(kind: str, outcome: str) -> None:
    faults = report(missing=outcome).judge(is_long=True)

    assert faults == [f"never seen: {kind}: {outcome}"]


def test_a_leak_fails() -> None:
    assert report(leak=100_000).judge(is_long=True)


def test_faults_on_the_way_are_reported() -> None:
    found = report()
    found.faults.append("GET /engine: not valid")

    assert found.judge(is_long=False) == ["GET /engine: not valid"]


def entry(event: str, level: str = "warning", **members: object) -> str:
    return json.dumps({"event": event, "level": level, **members})


@pytest.mark.parametrize(
    "line",
    [
        entry("listening", "info"),
        entry("refresh_failed", error="IPsecSaContextEnum1 returned FWP_E_TIMEOUT (2150760466)"),
        entry("request_failed", code="engine_error", path="/sa-contexts"),
        entry("engine_call_hangs", function="IPsecSaContextGetById1", seconds=2.0),
    ],
)
def test_a_log_may_report_the_engines_failures(line: str) -> None:
    assert log.faults(line) == []


@pytest.mark.parametrize(
    "line",
    [
        entry("Exception in ASGI application", "error"),
        entry("refresh_failed", exception=[{"exc_type": "KeyError"}]),
        entry("request_failed", code="internal_error", path="/sa-contexts"),
        entry("socket.send() raised exception."),
        entry("listening", "info", key="CANARY-KEY-MATERIAL"),
        "Traceback (most recent call last):",
    ],
)
def test_a_log_may_report_nothing_else(line: str) -> None:
    assert log.faults(f"{entry('listening', 'info')}\n{line}\n{line}") == [
        f"in the log, 2 times: {line}"
    ]
