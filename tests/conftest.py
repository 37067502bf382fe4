"""What all tests share: the simulator, empty and well, and an environment without settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sa_contexts_simulator import LIBRARY, Simulator

from app.telemetry.logging import configure_logging
from bindings.library import Library


# A shell has what it runs in the background ignore SIGINT, which what tests start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("default")

SIMULATOR_PATH = Path(os.environ.get("SA_CONTEXTS_TEST_LIBRARY") or LIBRARY).resolve()
"""The simulator under test; another build of it, with a sanitizer for instance, can be named."""


@pytest.fixture(autouse=True, scope="session")
def _one_log() -> None:
    configure_logging("json", "debug")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SA_CONTEXTS_") and not name.startswith("SA_CONTEXTS_TEST_"):
            monkeypatch.delenv(name)


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
