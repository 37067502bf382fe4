"""What `make` says if it cannot set up .venv; tests/bare proves what it can repair."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    return tmp_path / "venv"


def rejection(venv: Path, **variables: str) -> str:
    """Run make's set-up of a virtual environment, which has to fail, and return what it says."""
    given = [f"{name}={value}" for name, value in {"VENV": str(venv), **variables}.items()]
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    done = subprocess.run(
        ["make", "--directory", str(ROOT), *given, f"{venv}/server"],  # noqa: S607  # any make
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("python", ["false", "/missing/python3"])
def test_unusable_python_is_named(venv: Path, python: str) -> None:
    assert f"{python} is not Python 3.11 or newer" in rejection(venv, PYTHON=python)
    assert not venv.exists()


def test_python_without_venv_names_the_package(venv: Path, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError", encoding="ascii")

    said = rejection(venv, PYTHON=f"env PYTHONPATH={tmp_path} {sys.executable}")

    assert "apt-get install python3-venv\n" in said
    assert not venv.exists()


def test_missing_compiler_names_the_packages(venv: Path) -> None:
    assert "apt-get install gcc libc6-dev\n" in rejection(venv, CC="missing-cc")
    assert not venv.exists()


def test_folder_that_is_no_virtual_environment_is_kept(venv: Path) -> None:
    venv.mkdir()
    (venv / "thesis").touch()

    assert "is not a virtual environment" in rejection(venv)
    assert [path.name for path in venv.iterdir()] == ["thesis"]
