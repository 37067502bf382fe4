"""Licences are read from the packages' metadata, and a new one fails the check."""

from __future__ import annotations

import sysconfig
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from supply.licences import licence_of, licences_in, rejections
from supply.locks import SERVER, Pin, read


def package(folder: Path, *fields: str) -> Distribution:
    """A package as pip leaves it in a folder."""
    metadata = folder / "thing-1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("\n".join(["Metadata-Version: 2.4", "Name: Thing", *fields, "", "MIT"]))
    return Distribution.at(metadata.parent)


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        (["License-Expression: MIT-0", "License: other"], "MIT-0"),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
            ],
            "GNU General Public License v3 (GPLv3) AND MIT License",
        ),
        (["License: BSD-3-Clause"], "BSD-3-Clause"),
        ([], ""),
    ],
)
def test_the_licence_of_a_package(tmp_path: Path, fields: list[str], licence: str) -> None:
    assert licence_of(package(tmp_path, *fields)) == licence


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "MIT AND GPL-2.0-only", ""])
def test_a_licence_that_nobody_read_is_refused(tmp_path: Path, licence: str) -> None:
    package(tmp_path, *[f"License-Expression: {licence}"] * bool(licence))
    pins = [Pin("thing", "1")]

    assert len(rejections(pins, licences_in(tmp_path))) == 1


def test_a_package_that_is_missing_is_refused_where_the_server_needs_it() -> None:
    needed = Pin("colorama", "0.4.6", "sys_platform == 'win32'")
    elsewhere = Pin("httpx2-jsfetch", "1.0", "sys_platform == 'emscripten'")

    assert [each.split()[0] for each in rejections([needed, elsewhere], {})] == ["colorama"]


def test_what_is_installed_here_may_be_shipped() -> None:
    licences = licences_in(Path(sysconfig.get_path("purelib")))
    installed = [pin for pin in read(SERVER) if pin.name in licences]

    assert len(installed) > 20
    assert rejections(installed, licences) == []
