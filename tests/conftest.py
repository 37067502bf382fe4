"""What all tests share: the simulator, empty and well, and an environment without settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sa_contexts_simulator import LIBRARY, Simulator
from starlette.testclient import TestClient

from app.bootstrap import create_service
from app.main import create_app
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings.library import Library
from bindings.limits import LIMITS, AnswerLimits


# A shell has what it runs in the background ignore SIGINT, which what tests start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Each run draws other examples: in CI, hypothesis' own profile would draw the same ones each time.
# A failure prints how to reproduce it. There is no deadline, because machines differ in speed.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
settings.load_profile("default")
# AddressSanitizer makes each example five times slower; `make test` draws more without it.
settings.register_profile("sanitized", max_examples=20)

SIMULATOR_PATH = Path(os.environ.get("SA_CONTEXTS_TEST_LIBRARY") or LIBRARY).resolve()
"""The simulator under test; another build of it, with a sanitizer for instance, can be named."""


Serve = Callable[..., TestClient]


def pytest_configure(config: pytest.Config) -> None:
    """Add this project's plugins."""
    for plugin in ("tests.skips", "tests.garbage"):
        config.pluginmanager.import_plugin(plugin)


@pytest.fixture(autouse=True, scope="session")
def _one_log() -> None:
    configure_logging("json", "debug")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SA_CONTEXTS_") and not name.startswith("SA_CONTEXTS_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the notes of servers that tests start out of the user's folder."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _time_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have servers wait for sessions that a busy machine closes slowly, which tests count."""
    monkeypatch.setattr("app.service.CLOSE_SECONDS", 5)


@pytest.fixture(autouse=True)
def _default_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the limits of the engine's answers, which each server sets for its process."""
    for field in fields(AnswerLimits):
        monkeypatch.setattr(LIMITS, field.name, getattr(AnswerLimits(), field.name))


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop of tests that need one: the server's."""
    backend: str = request.param
    return backend


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(SIMULATOR_PATH)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(SIMULATOR_PATH)
    simulator.reset()
    yield simulator
    simulator.reset()


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
                **{"refresh_min_interval_seconds": 0, "refresh_interval_seconds": 3600, **settings},
            )
            application = create_app(create_service(made), log_requests=made.log_requests)
            client = TestClient(application, "http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield start
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve(contexts=25)
