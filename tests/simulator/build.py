"""Building the library with CMake, with every warning an error."""

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import SIMULATOR


CMAKE = str(Path(sysconfig.get_path("scripts"), "cmake"))
"""CMake as requirements.lock has it: `make test` does not put .venv/bin on PATH."""


@dataclass(frozen=True)
class Build:
    """One way to build: the required programs, and CMake's arguments."""

    name: str
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


GCC = Build("gcc", ("gcc",), ("-DCMAKE_C_COMPILER=gcc",))
CLANG = Build("clang", ("clang",), ("-DCMAKE_C_COMPILER=clang",))
MINGW = Build(
    "mingw",
    ("x86_64-w64-mingw32-gcc",),
    (f"-DCMAKE_TOOLCHAIN_FILE={SIMULATOR / 'cmake' / 'mingw-w64-x86_64.cmake'}",),
)
SANITIZED = Build("sanitized", ("gcc",), ("-DCMAKE_C_COMPILER=gcc", "-DSA_SIMULATOR_SANITIZE=ON"))


def generation_0(of: Build) -> Build:
    """The same, with the exports of Windows Vista."""
    return Build(f"{of.name}-generation-0", of.needs, (*of.options, "-DSA_SIMULATOR_GENERATION=0"))


def require(*programs: str) -> None:
    """Skip the test if a program is missing; in CI that is a failure."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def build(how: Build, folder: Path) -> Path:
    """Build the library into `folder` and return its path."""
    require(*how.needs)
    configure = [CMAKE, "-S", str(SIMULATOR), "-B", str(folder), "-DSA_SIMULATOR_WERROR=ON"]
    run(*configure, *how.options)
    run(CMAKE, "--build", str(folder), "--parallel", "2", "--config", "Release")
    (library,) = [path for path in folder.rglob("sa_simulator.*") if path.suffix in {".so", ".dll"}]
    return library


def run(*command: str) -> str:
    """Run a program and return what it printed; what it printed is the message if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
