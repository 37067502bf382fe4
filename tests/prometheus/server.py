"""A Prometheus server that scrapes a target, with the rules of deploy/prometheus."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import yaml

from tests.soak.credentials import Credentials


DEPLOY: Final = Path(__file__).parents[2] / "deploy" / "prometheus"
SECONDS: Final = 60
"""When the wait for anything is given up."""


class Prometheus:
    """A running server.

    Attributes:
        url: where it serves its API.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.Client(base_url=url)

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        answer = self._http.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", (path, parameters, answer)
        return answer["data"]

    def is_ready(self) -> bool:
        """Whether it answers yet."""
        try:
            return self._http.get("/-/ready").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def query(self, expression: str) -> list[Any]:
        """The samples that an expression has now."""
        samples: list[Any] = self.ask("query", query=expression)["result"]
        return samples

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def until(what: str, condition: Callable[[], bool]) -> None:
    """Wait for what others do, and say that it happened."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > SECONDS:
            raise SystemExit(f"it did not happen: {what}")
        time.sleep(0.1)
    print(f"{time.monotonic() - began:5.1f} s  {what}", flush=True)  # noqa: T201  # a report


def program(name: str) -> str:
    """Where one of Prometheus' programs is."""
    path = shutil.which(name)
    assert path, f"there is no {name}; tests/prometheus/run installs it"
    return path


@contextmanager
def running_prometheus(target: str, credentials: Credentials) -> Iterator[Prometheus]:
    """A server that scrapes `target`, a host and port, and evaluates the rules, every half second.

    Configuration and rules are the deployed ones, except for these intervals, and for the time that
    a condition must last for an alert: seconds instead of minutes.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_configuration(folder, target, credentials)
        with (folder / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        with process:
            try:
                prometheus = Prometheus(url)
                until("Prometheus is ready", prometheus.is_ready)
                yield prometheus
            except BaseException:
                print((folder / "log").read_text(encoding="utf-8"))  # noqa: T201
                raise
            finally:
                process.terminate()


def _write_configuration(folder: Path, target: str, credentials: Credentials) -> None:
    (folder / "ca.pem").write_bytes(credentials.authority)
    configuration = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"] = {"evaluation_interval": "500ms"}
    (job,) = configuration["scrape_configs"]
    job |= {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
    job |= {"scheme": "https", "tls_config": {"ca_file": "ca.pem"}}
    job["authorization"] = {"credentials": credentials.keys["metrics:read"]}
    job["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    (rules,) = configuration["rule_files"]
    text = (DEPLOY / rules).read_text(encoding="utf-8")
    shortened, count = re.subn(r"(?m)^( +for:) \d+[sm]$", r"\1 1s", text)
    assert count == text.count(" for: "), "an alert waits in another unit"
    (folder / rules).write_text(shortened, encoding="utf-8")
