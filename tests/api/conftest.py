"""A server in this process, on the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.main import create_app
from app.service import create_service
from app.settings import Settings
from tests.conftest import SIMULATOR_PATH


Serve = Callable[..., TestClient]


@pytest.fixture
def serve(simulator: Simulator) -> Iterator[Serve]:
    """Start a server with these settings; `contexts` fills the simulator before it starts."""
    with ExitStack() as stack:

        def start(*, contexts: int = 0, **settings: Any) -> TestClient:
            made = Settings(
                library=SIMULATOR_PATH,
                simulated_contexts=contexts,
                simulated_churn=0,
                simulated_net_events=0,
                **{"minimum_interval_seconds": 0, "refresh_seconds": 3600, **settings},
            )
            application = create_app(create_service(made), log_requests=made.log_requests)
            client = TestClient(application, "http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield start
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve(contexts=25)
