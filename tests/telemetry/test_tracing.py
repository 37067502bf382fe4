"""OpenTelemetry's export: off by default, enabled by its standard variables."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app.telemetry.logging.redaction import MAX_CHARACTERS
from tests.auth.made import make_key
from tests.soak.process import running_target
from tests.telemetry.receiver import receiving


KEY = "sak_0123456789ab_" + "A" * 43


def test_variables_of_the_environment_switch_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "ipsec-of-web01")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with running_target(simulated_contexts=60, simulated_churn=0) as target:
            response = httpx2.get(f"{target.url}/sa-contexts?limit=10")
            httpx2.get(f"{target.url}/{KEY}?access_token={KEY}", headers={"Authorization": KEY})
            received.wait_until(
                lambda: (
                    received.metrics.get("wfp_sa_contexts") == [({}, 60)]
                    and "http.server.request.duration" in received.metrics
                    and "GET /sa-contexts" in dict(received.spans)
                    and len(received.spans) >= 2
                )
            )
            weaknesses = received.metrics["wfp_sa_contexts_by_weakness"]
            end, log = target.stop(), target.log()

    assert response.status_code == 200
    assert dict(received.spans)["GET /sa-contexts"]["http.response.status_code"] == 200
    assert dict(received.spans)["GET /sa-contexts"]["url.query"] == "REDACTED"
    assert KEY not in str(received.spans)
    assert {each["service.name"] for each in received.resources} == {"ipsec-of-web01"}
    assert {tuple(labels) for labels, _ in weaknesses} == {("weakness",)}
    assert sum(contexts for _, contexts in weaknesses) > 0
    assert not [name for name in received.metrics if name.startswith("sa_contexts_http_")]
    assert end.code == 0
    assert '"level": "error"' not in log


def test_it_is_off_unless_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
        with running_target(simulated_contexts=5, simulated_churn=0) as target:
            assert httpx2.get(f"{target.url}/sa-contexts").status_code == 200
            assert target.stop().code == 0

    assert (received.metrics, received.spans) == ({}, [])


def test_hostile_heads_cost_little_and_show_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A long path once blocked the event loop for seconds before it was rejected."""
    keys = tmp_path / "keys.json"
    make_key(keys, "sa:read")
    baggage = f"{KEY}," * 5 + "a" + " " * 8000 + "b"
    with receiving() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with running_target(simulated_contexts=3, simulated_churn=0, api_keys_file=keys) as target:
            httpx2.get(f"{target.url}/health/live")
            before = target.processor_seconds()
            answers = [
                httpx2.get(f"{target.url}/%2525" + "eyJ" * 5_000),
                httpx2.request(KEY, f"{target.url}/engine"),
                *(
                    httpx2.get(f"{target.url}/engine", headers={"baggage": baggage})
                    for _ in range(20)
                ),
            ]
            seconds = target.processor_seconds() - before
            received.wait_until(lambda: len(received.spans) > len(answers))
            target.stop()
            log = target.log()

    assert {answer.status_code for answer in answers} == {401}
    assert seconds < 3
    assert KEY not in str(received.spans)
    assert "baggage" not in log.lower()
    paths = [of_span.get("url.path", "") for _, of_span in received.spans]
    assert max(map(len, paths)) <= MAX_CHARACTERS


TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"  # W3C Trace Context, 3.2.3
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
HOSTILE_TRACES: tuple[dict[str, str], ...] = (
    {"traceparent": TRACEPARENT, "tracestate": f"k={KEY}"},
    {"traceparent": TRACEPARENT, "tracestate": "MARK " + "a" * 8000},
    {"traceparent": TRACEPARENT, "tracestate": "MARK " + "%é" * 3000},
    {"traceparent": TRACEPARENT, "tracestate": ",".join(f"mark{n}=b" for n in range(600))},
    {"traceparent": TRACEPARENT, "tracestate": "mark=1," * 2},
    {"traceparent": "MARK" + "0" * 6000},
    {"traceparent": TRACEPARENT, "baggage": "MARK " + "a" * 8000},
)


@pytest.mark.parametrize("propagators", [None, "tracecontext,baggage"])
def test_hostile_trace_headers_are_neither_logged_nor_exported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, propagators: str | None
) -> None:
    keys = tmp_path / "keys.json"
    make_key(keys, "sa:read")
    if propagators is not None:
        monkeypatch.setenv("OTEL_PROPAGATORS", propagators)
    with receiving() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with running_target(simulated_contexts=3, simulated_churn=0, api_keys_file=keys) as target:
            answers = [
                httpx2.get(
                    f"{target.url}/engine",
                    headers=[(n.encode(), value.encode("latin-1")) for n, value in headers.items()],
                )
                for headers in HOSTILE_TRACES
            ]
            received.wait_until(lambda: len(received.spans) >= len(answers))
            target.stop()
            log = target.log()

    assert {answer.status_code for answer in answers} == {401}
    assert set(received.trace_states) == {""}
    assert received.trace_ids.count(TRACE_ID) == len(HOSTILE_TRACES) - 1
    assert "mark" not in log.lower()
    assert "traceparent" not in log
    assert "tracestate" not in log
    assert KEY not in log
