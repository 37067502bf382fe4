"""The library, built once per session, and reset before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sa_contexts_simulator import Simulator

from .build import Build, build
from .wfp import Wfp


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as users have it, built by the first compiler there is."""
    return build(Build("default"), tmp_path_factory.mktemp("default"))


@pytest.fixture
def simulator(library: Path) -> Iterator[Simulator]:
    """The simulator's controls, as freshly loaded."""
    controls = Simulator(library)
    controls.reset()
    yield controls
    controls.stop_churn()


@pytest.fixture
def wfp(library: Path, simulator: Simulator) -> Wfp:
    """The WFP functions of the same library."""
    assert simulator.path == library
    return Wfp(library)
