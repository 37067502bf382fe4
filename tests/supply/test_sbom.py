"""What is added to cyclonedx-bom's document.

That the whole is valid, `make sbom` asks CycloneDX's schema.
"""

from __future__ import annotations

from typing import Any

from supply.bundled import packages_of
from supply.locks import Pin
from supply.sbom import completed, index_of, with_console


def component(name: str, version: str, line: int) -> dict[str, Any]:
    """As cyclonedx-bom writes it."""
    return {
        "bom-ref": f"requirements-L{line}",
        "description": f"requirements line {line}: {name}=={version} --hash=sha256:00",
        "externalReferences": [
            {"type": "distribution", "url": f"https://index.example/simple/{name}/"}
        ],
        "name": name,
        "purl": f"pkg:pypi/{name}@{version}",
        "type": "library",
        "version": version,
    }


def document() -> dict[str, Any]:
    return {
        "metadata": {"component": {"bom-ref": "root-component", "name": "sa-contexts"}},
        "components": [component("typer", "0.29.2", 1), component("colorama", "0.4.6", 9)],
        "dependencies": [{"ref": "requirements-L1"}, {"ref": "requirements-L9"}],
    }


PINS = [
    Pin("typer", "0.29.2", is_asked_by_project=True),
    Pin("colorama", "0.4.6", asked_by=["typer"]),
]


def test_it_lists_the_dependencies_of_each_package() -> None:
    graph = completed(document(), PINS, {})["dependencies"]

    assert graph == [
        {"ref": "root-component", "dependsOn": ["pkg:pypi/typer@0.29.2"]},
        {"ref": "pkg:pypi/typer@0.29.2", "dependsOn": ["pkg:pypi/colorama@0.4.6"]},
        {"ref": "pkg:pypi/colorama@0.4.6", "dependsOn": []},
    ]


def test_it_lists_licences() -> None:
    bom = completed(document(), PINS, {"typer": "MIT", "colorama": "BSD License"})

    assert [each["licenses"] for each in bom["components"]] == [
        [{"expression": "MIT"}],
        [{"license": {"name": "BSD License"}}],
    ]


def test_a_line_more_in_the_lock_renames_nothing() -> None:
    later = document()
    later["components"] = [component("typer", "0.29.2", 4), component("colorama", "0.4.6", 12)]

    assert completed(later, PINS, {}) == completed(document(), PINS, {})


def test_where_its_packages_come_from() -> None:
    assert index_of(document()) == "https://index.example"


LOCK = {
    "packages": {
        "": {"dependencies": {"@preact/signals": "2.0.0", "preact": "11.0.0"}},
        "node_modules/@preact/signals": {
            "version": "2.0.0",
            "integrity": "sha512-" + "AAAA" * 21 + "AA==",
            "license": "MIT",
            "peerDependencies": {"preact": "11", "react": "19"},
        },
        "node_modules/preact": {
            "version": "11.0.0",
            "integrity": "sha512-" + "////" * 21 + "/w==",
            "license": "MIT",
        },
        "node_modules/esbuild": {"version": "0.28.2", "dev": True},
    }
}


def test_it_lists_what_the_console_is_bundled_with() -> None:
    bom = with_console(completed(document(), PINS, {}), packages_of(LOCK))

    signals, preact = bom["components"][2:]
    assert signals["purl"] == signals["bom-ref"] == "pkg:npm/%40preact/signals@2.0.0"
    assert preact == {
        "bom-ref": "pkg:npm/preact@11.0.0",
        "hashes": [{"alg": "SHA-512", "content": "ff" * 64}],
        "licenses": [{"expression": "MIT"}],
        "name": "preact",
        "purl": "pkg:npm/preact@11.0.0",
        "type": "library",
        "version": "11.0.0",
    }
    assert bom["dependencies"][0]["dependsOn"] == [
        "pkg:pypi/typer@0.29.2",
        "pkg:npm/%40preact/signals@2.0.0",
        "pkg:npm/preact@11.0.0",
    ]
    assert bom["dependencies"][3:] == [
        {"ref": "pkg:npm/%40preact/signals@2.0.0", "dependsOn": ["pkg:npm/preact@11.0.0"]},
        {"ref": "pkg:npm/preact@11.0.0", "dependsOn": []},
    ]
