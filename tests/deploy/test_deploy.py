"""Rules and dashboard ask for metrics that there are, by labels and words that they have.

What promtool and a real Prometheus say of them is for tests/prometheus/run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sa_contexts_simulator import Simulator

from app.server.metrics import RejectionMetrics
from app.server.tls.certificates import CertificateReloader, TlsFiles
from app.server.tls.metrics import TlsMetrics
from tests.api.test_access import bearer
from tests.api.test_engine import until
from tests.auth.made import make_key
from tests.authorities import Files
from tests.conftest import Serve, serve
from tests.deploy.dashboard import dashboard, expressions, panels


__all__ = ["serve"]

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/sa-contexts.rules.yml").read_text("utf-8"))
ALL_RULES: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in ALL_RULES if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}
QUERIES = [
    *[(rule.get("alert", rule.get("record")), rule["expr"]) for rule in ALL_RULES],
    *expressions(),
]
METRIC = re.compile(
    r"(?<![\w:.])((?:\w+:)?(?:wfp|sa_contexts|process|python)_\w+(?::\w+)?)({[^}]*})?"
)
LABEL = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
OF_PROMETHEUS = {"instance", "job"}

Exposed = dict[str, dict[str, set[str]]]


@pytest.fixture
def exposed(serve: Serve, simulator: Simulator, tmp_path: Path) -> Exposed:
    """The words of each label of each metric that a server gives."""
    keys = tmp_path / "keys.json"
    key = make_key(keys, "sa:read", "metrics:read")
    client = serve(
        contexts=50,
        api_keys_file=keys,
        expected_peers="192.0.2.1",
        metrics_connections=5,
        refresh_interval_seconds=0.02,
    )
    client.headers.update(bearer(key))
    files = Files(tmp_path)
    files.show(trustme.CA())
    metrics = client.app.state.metrics  # type: ignore[attr-defined]  # an application's
    registry = metrics.registry
    RejectionMetrics(registry, metrics.connection_summary)
    TlsMetrics(CertificateReloader(TlsFiles(files.certificate, files.key)), registry)
    client.get("/sa-contexts?maxAge=0")
    client.get("/certificates")
    simulator.churn(500)  # for errors of IKE
    for sampled in ("wfp_ike_errors_total", "wfp_connection_bytes_total"):
        until(lambda sampled=sampled: f"{sampled}{{" in client.get("/metrics").text)  # type: ignore[misc]  # a lambda
    words: Exposed = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            words[sample.name]  # also those without labels
            for label, word in sample.labels.items():
                words[sample.name][label].add(word)
    return words


def test_the_search_finds_metrics() -> None:
    expression = 'sum(rate(wfp_a_total{x="1"}[5m])) / instance:sa_contexts_b:rate5m > wfp_c'

    assert [name for name, _ in METRIC.findall(expression)] == [
        "wfp_a_total",
        "instance:sa_contexts_b:rate5m",
        "wfp_c",
    ]


def test_all_that_is_asked_for_is_there(exposed: Exposed) -> None:
    for title, expression in QUERIES:
        found = METRIC.findall(expression)
        assert found or "up{" in expression, title
        for name, selector in found:
            if name in RECORDED:
                continue
            assert name in exposed, (title, name)
            for label, operator, wanted in LABEL.findall(selector):
                if label in OF_PROMETHEUS:
                    continue
                words = exposed[name][label]
                if (operator, wanted) == ("!=", ""):
                    assert words, (title, name, label)
                    continue
                for word in wanted.split("|") if "~" in operator else [wanted]:
                    assert word in words, (title, name, label, word)


def test_what_is_grouped_by_is_there(exposed: Exposed) -> None:
    labels = {label for by_label in exposed.values() for label in by_label} | OF_PROMETHEUS
    for title, expression in QUERIES:
        for by in re.findall(r"by \(([^)]*)\)", expression):
            assert {each.strip() for each in by.split(",")} <= labels, title
    for panel in panels():
        for target in panel["targets"]:
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels, panel["title"]


def test_recorded_series_are_used_or_documented() -> None:
    document = (ROOT / "docs/monitoring.md").read_text("utf-8")
    for name in RECORDED:
        assert f"`{name}`" in document


def test_every_metric_is_documented(exposed: Exposed) -> None:
    document = (ROOT / "docs/monitoring.md").read_text("utf-8")
    for name in exposed:
        plain = re.sub(r"_(bucket|sum|count)$", "", name)
        if re.match(r"process_|python_|wfp_sa_contexts_by_", name):
            continue
        assert re.search(rf"`{plain}(?:{{[^`]*}})?`", document), name


def test_every_alert_says_what_it_means_and_the_document_what_to_do() -> None:
    document = (ROOT / "docs/monitoring.md").read_text("utf-8")

    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \| .+ \|$", document, re.MULTILINE)

    assert rows == [(name, rule["labels"]["severity"]) for name, rule in ALERTS.items()]
    for rule in ALERTS.values():
        assert set(rule["annotations"]) == {"summary", "description"}


def test_every_alert_is_tested_to_fire_and_to_rest() -> None:
    path = ROOT / "deploy/prometheus/sa-contexts.rules.test.yml"
    seen: dict[str, set[bool]] = defaultdict(set)
    for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
        for each in test.get("alert_rule_test", ()):
            seen[each["alertname"]].add(bool(each["exp_alerts"]))

    assert seen == {name: {True, False} for name in ALERTS}


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    board = dashboard()

    assert board["uid"]
    assert {each["name"]: each["type"] for each in board["templating"]["list"]} == {
        "datasource": "datasource",
        "instance": "query",
    }
    identifiers = [panel["id"] for panel in board["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
