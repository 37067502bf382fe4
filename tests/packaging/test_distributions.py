"""The wheel and the sdist: what is in them, what they say, and that they come out the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME = f"sa_contexts-{PROJECT['version']}"
SOURCES = (
    "app",
    "bindings",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    ".gitignore",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both."""
    return _build(ROOT, tmp_path_factory.mktemp("built"), "wheel", "sdist")


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl")


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tops = {name.partition("/")[0] for name in names}

    assert tops == {"app", "bindings", f"{NAME}.dist-info"}
    assert names >= {
        "app/py.typed",
        "bindings/py.typed",
        "bindings/_fwpuclnt.py",
        "app/answers/failures/events.toml",
        "app/answers/failures/ras.toml",
        "app/answers/failures/related.toml",
        "app/resources/wfp/engine.toml",
        "app/resources/wfp/failures.toml",
        "app/resources/wfp/passed_on.toml",
        "app/api/openapi/examples.json",
        "app/console/static/console.css",
        "app/console/static/console.js",
        "app/console/static/index.html",
        "app/console/static/licences.txt",
        f"{NAME}.dist-info/licenses/LICENSE",
    }
    assert not [name for name in names if "simulator" in name or "test" in name]
    assert {Path(name).suffix for name in names if not name.startswith(NAME)} == {
        ".css",
        ".h",
        ".html",
        ".js",
        ".json",
        ".py",
        ".toml",
        ".txt",
        ".typed",
    }


def test_the_wheel_needs_no_compiler(wheel: zipfile.ZipFile) -> None:
    fields = _headers(wheel.read(f"{NAME}.dist-info/WHEEL"))

    assert fields["Root-Is-Purelib"] == "true"
    assert fields.get_all("Tag") == ["py3-none-any"]


def test_its_metadata_are_the_projects(wheel: zipfile.ZipFile) -> None:
    metadata = _headers(wheel.read(f"{NAME}.dist-info/METADATA"))
    needed = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]

    assert (metadata["Name"], metadata["Version"]) == (PROJECT["name"], PROJECT["version"])
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert (metadata["License-Expression"], metadata["License-File"]) == ("MIT", "LICENSE")
    assert len(needed) == len(PROJECT["dependencies"])
    assert wheel.read(f"{NAME}.dist-info/entry_points.txt").decode().split() == [
        "[console_scripts]",
        "sa-contexts",
        "=",
        "app.cli.main:main",
    ]


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    sdist = built / f"{NAME}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    # Not extractall: Python 3.11.4 added its filter, which 3.12 warns about if it is left out.
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)  # noqa: S607  # any tar
    rebuilt = _build(tmp_path / NAME, tmp_path / "rebuilt", "wheel")

    assert not [name for name in names if "simulator" in name or "/tests" in name]
    assert _bytes(rebuilt, "whl") == _bytes(built, "whl")


def test_another_checkout_at_another_time_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / "checkout" / name, copy_function=shutil.copyfile)
        else:
            (tmp_path / "checkout").mkdir(exist_ok=True)
            shutil.copyfile(source, tmp_path / "checkout" / name)
    again = _build(tmp_path / "checkout", tmp_path / "again", "wheel", "sdist")

    assert _bytes(again, "whl") == _bytes(built, "whl")
    assert _bytes(again, "tar.gz") == _bytes(built, "tar.gz")


def test_what_is_installed_runs(built: Path, tmp_path: Path) -> None:
    install = ["install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path / "to")]
    subprocess.run(
        [sys.executable, "-m", "pip", *install, str(next(built.glob("*.whl")))], check=True
    )

    result = subprocess.run(
        [sys.executable, "-m", "app", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "to")},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert result.stdout.decode().split() == ["sa-contexts", PROJECT["version"]]


def _build(source: Path, target: Path, *kinds: str) -> Path:
    for kind in kinds:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
            cwd=source,
            env={**os.environ, "SOURCE_DATE_EPOCH": "1735689600"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    return target


def _bytes(folder: Path, suffix: str) -> bytes:
    return next(folder.glob(f"*.{suffix}")).read_bytes()


def _headers(text: bytes) -> Message:
    return BytesParser().parsebytes(text)
