"""The library builds without a warning everywhere, and exports what it should."""

import re
from pathlib import Path

import pytest

from . import SIMULATOR
from .build import CLANG, GCC, MINGW, Build, build, generation_0, require, run
from .wfp import CRYPT32, FUNCTIONS


AFTER_VISTA = {
    "IPsecSaContextEnum1",
    "IPsecSaContextGetById1",
    "IPsecSaContextSubscribe0",
    "IPsecSaContextUnsubscribe0",
    *(f"FwpmNetEventEnum{generation}" for generation in range(1, 6)),
    *(f"FwpmNetEventSubscribe{generation}" for generation in range(5)),
    "FwpmNetEventUnsubscribe0",
    *(name for name in FUNCTIONS if name.startswith("FwpmConnection")),
    *(f"FwpmProviderContextEnum{n}" for n in (1, 2, 3)),
    *(f"FwpmProviderContextGetBy{by}{n}" for by in ("Id", "Key") for n in (1, 2, 3)),
    "IPsecGetStatistics1",
    "IkeextGetStatistics1",
    "IkeextSaEnum1",
    "IkeextSaEnum2",
    "IkeextSaGetById1",
    "IkeextSaGetById2",
}


def control_functions() -> set[str]:
    """The functions that the header declares."""
    header = (SIMULATOR / "include" / "sa_simulator.h").read_text(encoding="ascii")
    return set(re.findall(r"^[\w ]+[ *](sa_simulator_\w+)\(", header, re.MULTILINE))


def exports(library: Path) -> set[str]:
    if library.suffix == ".so":
        require("nm")
        return {
            line.split()[-1]
            for line in run("nm", "-D", "--defined-only", str(library)).splitlines()
        }
    require("x86_64-w64-mingw32-objdump")
    listing = run("x86_64-w64-mingw32-objdump", "-p", str(library))
    table = listing.split("[Ordinal/Name Pointer] Table")[1]
    return set(re.findall(r"^\s*\[\s*\d+\] (\S+)$", table, re.MULTILINE))


@pytest.mark.parametrize("how", [GCC, CLANG, MINGW], ids=str)
def test_exports_exactly_the_wfp_and_control_functions(how: Build, tmp_path: Path) -> None:
    library = build(how, tmp_path)

    assert exports(library) == set(FUNCTIONS) | CRYPT32 | control_functions()


def test_generation_0_lacks_what_later_windows_added(tmp_path: Path) -> None:
    library = build(generation_0(GCC), tmp_path)

    assert exports(library) == (set(FUNCTIONS) - AFTER_VISTA) | CRYPT32 | control_functions()


def test_dll_needs_nothing_but_windows(tmp_path: Path) -> None:
    library = build(MINGW, tmp_path)

    listing = run("x86_64-w64-mingw32-objdump", "-p", str(library))
    assert set(re.findall(r"DLL Name: (\S+)", listing)) <= {"KERNEL32.dll", "msvcrt.dll"}
