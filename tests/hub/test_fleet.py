"""An agent that reports to a hub, and what happens to both: in the end, the hub has what it has."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import anyio.to_thread
import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.agent import AgentUnusable
from app.agent import reporter as reporter_module
from app.agent.part import AgentPart
from app.agent.reporter import Reporter
from app.bootstrap import create_service
from app.resources.sa_contexts.kind import SaContextKind
from app.service import Service
from app.settings.model import Settings
from tests.conftest import SIMULATOR_PATH
from tests.hub import stored
from tests.hub.process import HubProcess


CONTEXTS = 120
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter_module, "MIN_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(reporter_module, "MAX_WAIT_SECONDS", 0.2)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path)
    process.start()
    yield process
    process.end()


@asynccontextmanager
async def agent(url: str, folder: Path, **settings: Any) -> AsyncIterator[Service]:
    """Run the server of a host that reports to a hub."""
    service = create_service(
        Settings(
            library=SIMULATOR_PATH,
            **{
                "simulated_contexts": CONTEXTS,
                "simulated_churn": 0,
                "simulated_net_events": 0,
                "refresh_interval_seconds": 1,
                "hub_url": url,
                "agent_folder": folder / "agent",
                "hub_token_file": folder / "token",
                **settings,
            },
        )
    )
    async with service.running():
        yield service


def reporter_of(service: Service) -> Reporter:
    return service.part(AgentPart).reporter


def known(service: Service) -> dict[int, Any]:
    """Return what the host's own API shows, by id."""
    snapshot = service.listed(SaContextKind).store.current
    assert snapshot is not None
    return {
        number: orjson.loads(snapshot.blocks[place]) for place, number in enumerate(snapshot.ids)
    }


async def until_equal(service: Service, hub: HubProcess) -> None:
    """Wait until the hub has exactly what the host has."""
    with anyio.fail_after(60):
        while True:
            await service.store.snapshot_at_most(0)
            host_id = reporter_of(service)._identity.host_id  # noqa: SLF001
            there = await anyio.to_thread.run_sync(stored.contexts, hub.database, host_id)
            if there == known(service):
                return
            await anyio.sleep(0.1)


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    with anyio.fail_after(60):
        while not holds():  # noqa: ASYNC110  # it is set by what knows no tests
            await anyio.sleep(0.05)


def past(hub: HubProcess) -> int:
    with closing(sqlite3.connect(hub.database)) as sql:
        count: int = sql.execute("SELECT count(*) FROM sa_context_past").fetchone()[0]
    return count


async def test_the_hub_has_what_the_host_has(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    async with agent(hub.url, tmp_path) as service:
        await until_equal(service, hub)
        simulator.start_churn(200, 1)
        await anyio.sleep(1)
        simulator.stop_churn()
        await until_equal(service, hub)
        assert len(known(service)) > 10
        assert reporter_of(service).failure is None


async def test_a_restart_of_the_agent_is_silent(
    hub: HubProcess, tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with agent(hub.url, tmp_path) as service:
        await until_equal(service, hub)
        before, host_id = known(service), reporter_of(service)._identity.host_id  # noqa: SLF001
    revision = stored.revision(hub.database)

    monkeypatch.setattr("app.service._simulate", lambda *_: None)  # the engine goes on
    async with agent(hub.url, tmp_path) as service:
        assert reporter_of(service)._identity.host_id == host_id  # noqa: SLF001
        await until(lambda: reporter_of(service).position)
        await until_equal(service, hub)
        assert known(service) == before
    assert (stored.revision(hub.database), past(hub)) == (revision, 0)
    assert simulator.misuses() == 0


async def test_nothing_is_lost_while_the_hub_is_killed(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    async with agent(hub.url, tmp_path) as service:
        await until_equal(service, hub)
        simulator.start_churn(100, 2)
        for _ in range(4):
            await anyio.sleep(0.3)
            await anyio.to_thread.run_sync(hub.end)
            await anyio.sleep(0.2)
            await anyio.to_thread.run_sync(hub.start)
        simulator.stop_churn()
        await until_equal(service, hub)
        journal = service.listed(SaContextKind).store.journal
        # Each change is there: as it is now, or in the past.
        assert past(hub) >= journal.changes // 3


async def test_a_restart_of_the_engine_begins_an_epoch(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    async with agent(hub.url, tmp_path) as service:
        await until_equal(service, hub)
        epoch = service.store.current.epoch if service.store.current else ""
        simulator.stop_engine()
        simulator.start_engine()
        simulator.populate(30, 9)
        await until_equal(service, hub)
        position = reporter_of(service).position
        assert position is not None
        assert position.epoch != epoch


async def test_content_that_differs_is_found_and_mended(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    """Another program changed the hub's database: the next heartbeat shows it."""
    async with agent(hub.url, tmp_path) as service:
        await until_equal(service, hub)
        with closing(sqlite3.connect(hub.database, timeout=10)) as sql, sql:
            sql.execute("DELETE FROM sa_context WHERE id = (SELECT min(id) FROM sa_context)")
            sql.execute("UPDATE channel SET count = count - 1, digest = '0000000000000000'")
        await until_equal(service, hub)
    assert simulator.misuses() == 0


async def test_an_agent_waits_for_a_hub_and_loses_nothing(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    hub.end(signal.SIGTERM)
    async with agent(hub.url, tmp_path) as service:
        await until(lambda: reporter_of(service).failure)
        simulator.start_churn(50, 3)
        await anyio.sleep(0.5)
        simulator.stop_churn()
        await anyio.to_thread.run_sync(hub.start)
        await until_equal(service, hub)
        assert reporter_of(service).failure is None


class Impostor(BaseHTTPRequestHandler):
    """A proxy or a captive portal, which answers by itself."""

    status = 200
    body = b"<html>Please log in.</html>"

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.mark.parametrize("status", [200, 201, 302, 401, 403, 407, 500])
async def test_an_agent_keeps_its_identity_whatever_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Simulator, status: int
) -> None:
    monkeypatch.setattr(Impostor, "status", status)
    with HTTPServer(("127.0.0.1", 0), Impostor) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        async with agent(url, tmp_path) as service:
            before = (tmp_path / "agent" / "identity.json").read_bytes()
            await until(lambda: reporter_of(service).failure)
            assert "not a hub's" in str(reporter_of(service).failure)
        server.shutdown()

    assert (tmp_path / "agent" / "identity.json").read_bytes() == before
    assert simulator.misuses() == 0


async def test_without_a_token_a_host_says_that_it_is_not_enrolled(
    hub: HubProcess, tmp_path: Path, simulator: Simulator
) -> None:
    async with agent(hub.url, tmp_path, hub_token_file=None) as service:
        await until(lambda: "no enrolment token" in str(reporter_of(service).failure))
    assert simulator.misuses() == 0


@pytest.mark.parametrize("file", ["agent", "hub_ca"])
async def test_an_agent_that_cannot_start_says_why(
    tmp_path: Path, simulator: Simulator, file: str
) -> None:
    path = tmp_path / file
    path.write_text("neither a folder nor a certificate")

    settings = {"hub_ca_file": path} if file == "hub_ca" else {}
    with pytest.raises(AgentUnusable, match=file):
        async with agent("http://127.0.0.1:1", tmp_path, **settings):
            pass
    assert simulator.misuses() == 0
