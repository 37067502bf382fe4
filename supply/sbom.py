"""Write the server's bill of materials, as a CycloneDX document: `make sbom`.

cyclonedx-bom reads the lock. This module adds the dependencies between packages, from the lock's
comments, and the licences, from the packages that are installed for Windows. The document is
validated against CycloneDX's own schema. Equal inputs give equal documents. The console's
libraries come from npm's lock (`supply.bundled`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from supply.bundled import Package, component_of, packages
from supply.licences import FOR_WINDOWS, licences_in
from supply.locks import ROOT, SERVER, Pin, read


DOCUMENT: Final = ROOT / "build" / "sa-contexts.cdx.json"
VALIDATE: Final = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or 0)
"""


def completed(bom: dict[str, Any], pins: list[Pin], licences: dict[str, str]) -> dict[str, Any]:
    """Add dependencies and licences to a document of cyclonedx-bom, in place; return the document.

    The reference of each component becomes its package URL, so a new line in the lock changes no
    other reference.
    """
    urls = {each["name"]: each["purl"] for each in bom["components"]}
    asked_by_project = [pin.name for pin in pins if pin.is_asked_by_project]
    asked_by: dict[str, list[str]] = {
        pin.name: [each.name for each in pins if pin.name in each.asked_by] for pin in pins
    }
    for component in bom["components"]:
        component["bom-ref"] = component["purl"]
        del component["description"]  # it only repeats the lock's lines
        if licence := licences.get(component["name"]):
            component["licenses"] = [_licence(licence)]
    root = bom["metadata"]["component"]["bom-ref"]
    bom["dependencies"] = [
        {"ref": root, "dependsOn": sorted(urls[name] for name in asked_by_project)},
        *(
            {"ref": urls[name], "dependsOn": sorted(urls[each] for each in asked)}
            for name, asked in asked_by.items()
        ),
    ]
    return bom


def with_console(bom: dict[str, Any], bundled: list[Package]) -> dict[str, Any]:
    """Add the console's libraries to a completed document, in place; return the document."""
    urls = {package.name: package.purl for package in bundled}
    bom["components"] += [component_of(package) for package in bundled]
    bom["dependencies"][0]["dependsOn"] += [
        package.purl for package in bundled if package.is_asked_by_console
    ]
    bom["dependencies"] += [
        {"ref": package.purl, "dependsOn": [urls[name] for name in package.requires]}
        for package in bundled
    ]
    return bom


def index_of(bom: dict[str, Any]) -> str:
    """Return the URL of the package index that a document names."""
    reference = bom["components"][0]["externalReferences"][0]
    return str(reference["url"]).partition("/simple/")[0]


def _licence(licence: str) -> dict[str, Any]:
    """Return a licence in CycloneDX's form: an SPDX expression, otherwise the package's text."""
    try:
        return {"expression": str(canonicalize_license_expression(licence))}
    except InvalidLicenseExpression:
        return {"license": {"name": licence}}


def main(tools: Path) -> None:
    """Write the document.

    Raises:
        CalledProcessError: cyclonedx-bom failed, or the document is invalid; the reason is on
            standard error.
    """
    made = subprocess.run(
        [
            *(tools / "python", "-W", "ignore:The Component:UserWarning", "-m", "cyclonedx_py"),
            "requirements",
            *("--pyproject", ROOT / "pyproject.toml"),
            "--output-reproducible",
            ROOT / SERVER.path,
        ],
        check=True,
        stdout=subprocess.PIPE,
    )
    server = completed(json.loads(made.stdout), read(SERVER), licences_in(FOR_WINDOWS))
    bom = with_console(server, packages())
    text = json.dumps(bom, indent=2) + "\n"
    subprocess.run([tools / "python", "-c", VALIDATE], check=True, input=text, encoding="utf-8")
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text, encoding="utf-8")
    print(f"{DOCUMENT.relative_to(ROOT)}: {len(bom['components'])} components, valid CycloneDX 1.6")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
