"""The recipe for an answer in docs/architecture.md: one folder and one line serve all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers import ANSWERS
from app.api.dependencies import ServiceDep
from app.api.resource import Answer
from app.bootstrap import create_service
from app.main import create_app
from app.resources.net_events.collector import NetEventCollector
from app.service import Foundation, Part, Service
from app.settings.model import Settings
from app.telemetry.metrics.registry import Sampler
from tests.conftest import SIMULATOR_PATH


class Tally(Part):
    """Counts what happens to it."""

    def __init__(self, net_events: NetEventCollector) -> None:
        self.net_events = net_events
        self.calls: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.calls.append("running")
        yield
        self.calls.append("ended")

    def stop(self) -> None:
        self.calls.append("stop")

    async def close(self) -> None:
        self.calls.append("close")


router = APIRouter(prefix="/tally", tags=["Tally"])


@router.get("")
async def get_tally(service: ServiceDep) -> list[str]:
    """Return the calls so far."""
    return service.part(Tally).calls


def start(_foundation: Foundation, parts: Mapping[Any, Part]) -> Tally:
    collector = parts[NetEventCollector]
    assert isinstance(collector, NetEventCollector)
    return Tally(collector)


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    gauge = Gauge("tally_calls", "Calls.", registry=registry)
    gauge.set_function(lambda: len(service.part(Tally).calls))
    return ()


ANSWER = Answer(
    tag="Tally", description="Calls.", router=router, start=start, add_metrics=add_metrics
)


def test_an_answer_has_routes_a_part_metrics_and_documentation(simulator: Simulator) -> None:
    answers = (*ANSWERS, ANSWER)
    given: dict[str, Any] = {"library": SIMULATOR_PATH, "simulated_contexts": 0}
    service = create_service(Settings(**given), answers=answers)
    tally = service.part(Tally)

    with TestClient(create_app(service, answers=answers), "http://localhost") as client:
        assert client.get("/tally").json() == ["running"]
        assert "\ntally_calls 1.0\n" in client.get("/metrics").text
        document = client.get("/openapi.json").json()
        assert tally.net_events is service.part(NetEventCollector)

    assert tally.calls[0] == "running"
    assert tally.calls[-1] == "ended"
    assert {"stop", "close"} <= {*tally.calls}
    assert document["paths"]["/tally"]["get"]["tags"] == ["Tally"]
    assert {"name": "Tally", "description": "Calls."} in document["tags"]
    assert simulator.open_handles() == 0


def test_answers_have_tags_of_their_own() -> None:
    tags = [answer.tag for answer in ANSWERS]

    assert len({*tags}) == len(tags) > 0
