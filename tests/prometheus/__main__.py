"""`python -m tests.prometheus`: a real Prometheus scrapes a server whose engine fails and recovers.

Alerts must fire for each of its failures and end with it, the rules and the queries of the
dashboard must give something, and what is scraped must be as Prometheus' own linter has it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.deploy.dashboard import expressions
from tests.prometheus.server import Prometheus, program, running_prometheus, until
from tests.soak.credentials import Credentials, issue
from tests.soak.process import Target, running_target


PEER = "192.0.2.1"
"""One that no simulated context has."""


def main() -> None:
    """See above."""
    settings: dict[str, object] = {
        "simulated_contexts": 500,
        "simulated_churn": 50,
        "expected_peers": PEER,
        "metrics_connections": 20,
        "refresh_interval_seconds": 0.5,
        "refresh_retry_seconds": 0.2,
    }
    with tempfile.TemporaryDirectory() as folder:
        _run(settings, issue(Path(folder)))


def _run(settings: dict[str, object], credentials: Credentials) -> None:
    with (
        running_target(**settings, **credentials.settings) as target,
        running_prometheus(urlsplit(target.url).netloc, credentials) as prometheus,
    ):
        until("the target is up", lambda: _is_up(prometheus))
        until("contexts are counted", lambda: _value(prometheus, "wfp_sa_contexts") > 0)
        until("errors are counted", lambda: bool(prometheus.query("wfp_ike_errors_total > 0")))
        _serve_some(target, credentials)
        _lint(target, credentials)
        _fail_and_recover(prometheus, target)
        _show(prometheus, target)
        end = target.stop()
        assert (end.code, end.counts["unfreed_blocks"], end.counts["misuses"]) == (0, 0, 0), end
        until("firing: SaContextsNotScraped", lambda: "SaContextsNotScraped" in prometheus.firing())


def _is_up(prometheus: Prometheus) -> bool:
    targets = prometheus.ask("targets")["activeTargets"]
    return [(each["health"], each["lastError"]) for each in targets] == [("up", "")]


def _value(prometheus: Prometheus, expression: str) -> float:
    samples = prometheus.query(expression)
    return float(samples[0]["value"][1]) if samples else 0.0


def _asking(target: Target, credentials: Credentials, scope: str) -> httpx2.Client:
    headers = {"authorization": f"Bearer {credentials.keys[scope]}"}
    return httpx2.Client(base_url=target.url, headers=headers, verify=credentials.tls)


def _serve_some(target: Target, credentials: Credentials) -> None:
    """Let there be something to count of each kind."""
    with _asking(target, credentials, "sa:read") as http:
        for path in ("/sa-contexts?limit=10", "/sa-contexts?limit=0", "/sa-contexts/1", "/engine"):
            http.get(path)


def _lint(target: Target, credentials: Credentials) -> None:
    with _asking(target, credentials, "metrics:read") as http:
        text = http.get("/metrics").raise_for_status().content
    found = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b""), found


def _fail_and_recover(prometheus: Prometheus, target: Target) -> None:
    until("firing: WfpPeerMissing", lambda: "WfpPeerMissing" in prometheus.firing())
    assert not prometheus.firing() & {"WfpEngineDown", "WfpAccessDenied", "SaContextsNotScraped"}
    target.engine("stop")
    _see_it_recover(prometheus, target, "WfpEngineDown")
    target.engine("deny")
    _see_it_recover(prometheus, target, "WfpAccessDenied")


def _see_it_recover(prometheus: Prometheus, target: Target, alert: str) -> None:
    until(f"firing: {alert}", lambda: alert in prometheus.firing())
    assert prometheus.query("wfp_sa_contexts") == []
    assert _value(prometheus, "wfp_up") == 0
    target.engine("start")
    until(f"resolved: {alert}", lambda: alert not in prometheus.firing())
    assert _value(prometheus, "wfp_up") == 1


def _show(prometheus: Prometheus, target: Target) -> None:
    """What rules and dashboard ask for is there."""
    groups = prometheus.ask("rules")["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert (rule["health"], rule.get("lastError")) == ("ok", None), rule
    instance = urlsplit(target.url).netloc
    asked = expressions(instance)
    for title, expression in asked:
        assert prometheus.query(expression), f"{title}: nothing for {expression}"
    print(f"         all {len(asked)} queries of the dashboard give something")  # noqa: T201


if __name__ == "__main__":
    main()
