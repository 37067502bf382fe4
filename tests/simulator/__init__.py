"""Tests of the simulator, built from its sources by each compiler that is there."""

from pathlib import Path


REPOSITORY = Path(__file__).parents[2]
SIMULATOR = REPOSITORY / "bindings" / "simulator"
