"""Counts of connections, and of rejections before a request."""

from __future__ import annotations

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.soak.process import running_target


def test_connections_and_rejections_are_counted() -> None:
    with (
        running_target(simulated_contexts=5, simulated_churn=0) as target,
        httpx2.Client(base_url=target.url) as one,
        httpx2.Client(base_url=target.url) as other,
    ):
        assert one.get("/sa-contexts").status_code == 200
        assert one.get("/sa-contexts", headers={"A": "a" * 200_000}).status_code == 431
        assert other.get("/health/live").status_code == 200
        text = one.get("/metrics").text

        samples = {
            (sample.name, sample.labels.get("code")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["sa_contexts_connections", None] == 2
        assert samples["sa_contexts_problems_total", "header_fields_too_large"] == 1
        assert samples["sa_contexts_problems_total", "bad_request"] == 0
        assert target.stop().code == 0
