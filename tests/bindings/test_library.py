"""Finding and loading libraries, and refusing what is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sa_contexts_simulator import LIBRARY

from bindings import library as library_module
from bindings.errors import LibraryError, NotSupported
from bindings.library import EngineKind, Library, find_library, simulator_library, system_library


LOADABLE = ".dll" if os.name == "nt" else ".so"


def test_the_simulator_says_what_it_is(library: Library) -> None:
    assert library.kind is EngineKind.SIMULATOR
    assert set(library.functions().values()) == {True}


def test_the_installed_simulator_is_found() -> None:
    assert simulator_library() == LIBRARY


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(LibraryError, match="must be absolute"):
        Library(Path("fwpuclnt.dll"))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no library at"):
        Library(tmp_path / "absent.dll")


def test_a_file_that_is_no_library_is_reported(tmp_path: Path) -> None:
    text = tmp_path / f"text{LOADABLE}"
    text.write_text("not a library", encoding="ascii")

    with pytest.raises(LibraryError, match="cannot be loaded"):
        Library(text)


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
def test_a_library_without_the_functions_is_reported(tmp_path: Path) -> None:
    path = compile_library(tmp_path, "int FwpmEngineOpen0(void) { return 0; }")

    with pytest.raises(LibraryError, match=r"it lacks FwpmEngineClose0, FwpmFreeMemory0, .*ById0$"):
        Library(path)


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
def test_another_library_of_the_same_abi_is_reported_as_other(tmp_path: Path) -> None:
    path = compile_library(
        tmp_path, "".join(f"int {name}(void) {{ return 0; }}" for name in library_module.REQUIRED)
    )
    library = Library(path)

    assert library.kind is EngineKind.OTHER
    assert not library.has("IPsecSaContextEnum1")
    with pytest.raises(NotSupported) as caught:
        library.function("IPsecSaContextEnum1")
    assert caught.value.function == "IPsecSaContextEnum1"


def test_a_32_bit_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow:
        @staticmethod
        def sizeof(_type: str) -> int:
            return 4

    monkeypatch.setattr(library_module, "ffi", Narrow)

    with pytest.raises(LibraryError, match="use a 64-bit Python"):
        Library(LIBRARY)


@pytest.mark.skipif(os.name == "nt", reason="Windows has one")
def test_no_system_library_is_found_where_there_is_no_windows() -> None:
    assert system_library() is None
    assert find_library("auto") == LIBRARY
    with pytest.raises(LibraryError, match="no Windows Filtering Platform"):
        find_library("windows")


@pytest.mark.skipif(os.name != "nt", reason="needs Windows' own Python")
def test_windows_own_library_is_preferred() -> None:
    system = system_library()

    assert system is not None
    assert system.parts[-2].lower() == "system32"
    assert find_library("auto") == find_library("windows") == system
    assert find_library("simulator") == LIBRARY


def test_a_library_named_outright_decides(tmp_path: Path) -> None:
    assert find_library("windows", tmp_path / "any.dll") == tmp_path / "any.dll"


def test_a_machine_with_neither_gets_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "system_library", lambda: None)
    monkeypatch.setattr(library_module, "simulator_library", lambda: None)

    with pytest.raises(LibraryError, match=r"install sa-contexts\[simulator\]"):
        find_library()


def test_a_simulator_that_is_not_installed_is_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert simulator_library() is None


def compile_library(folder: Path, source: str) -> Path:
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is needed"
    (folder / "library.c").write_text(source, encoding="ascii")
    path = folder / "library.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", path, folder / "library.c"], check=True, timeout=60
    )
    return path
