"""The Python package: what it wraps, what it refuses, what a wheel of it holds."""

import _ctypes
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from sa_contexts_simulator import LIBRARY, Simulator

from . import REPOSITORY, SIMULATOR
from .build import run
from .test_build import control_functions


PROJECT = tomllib.loads((SIMULATOR / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_version_is_that_of_the_distribution(simulator: Simulator) -> None:
    assert simulator.version == PROJECT["version"]


def test_same_path_is_the_same_simulator(simulator: Simulator, library: Path) -> None:
    simulator.populate(7)

    assert Simulator(library).count() == 7
    assert Simulator(library.parent / "." / library.name).ids() == simulator.ids()


def test_every_control_function_has_a_method(simulator: Simulator) -> None:
    methods = {f"sa_simulator_{name}" for name in dir(simulator) if not name.startswith("_")}

    assert control_functions() <= methods


def test_other_libraries_are_refused() -> None:
    with pytest.raises(OSError, match="not a simulator"):
        Simulator(Path(_ctypes.__file__))
    with pytest.raises(FileNotFoundError):
        Simulator(Path(_ctypes.__file__).with_name("missing"))


@pytest.mark.skipif(sys.platform != "linux", reason="names the wheel of Linux")
def test_wheel_is_of_the_platform_and_for_any_python_3(tmp_path: Path) -> None:
    backend = f"""
import os
from scikit_build_core.build import build_sdist, build_wheel
os.chdir({str(SIMULATOR)!r})
build_sdist({str(tmp_path)!r})
build_wheel({str(tmp_path)!r})
"""
    run(sys.executable, "-c", backend)

    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"sa_contexts_simulator-{PROJECT['version']}-py3-none-linux_")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"sa_contexts_simulator/{name}" for name in (LIBRARY.name, "py.typed")} <= names
    assert not [name for name in names if name.endswith((".c", ".h"))]

    (sdist,) = tmp_path.glob("*.tar.gz")
    run("tar", "-xzf", str(sdist), "-C", str(tmp_path))
    headers = {path.name for path in tmp_path.glob("*/cdef/*.h")}
    assert headers == {path.name for path in (REPOSITORY / "bindings" / "cdef").glob("*.h")}
