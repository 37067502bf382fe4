"""For which machine a file is made, against files that linkers made."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindings.machine import HEADER_BYTES, Machine, machine_of, pointer_bits
from tests.conftest import SIMULATOR_PATH


@pytest.mark.parametrize("path", [Path(sys.executable), SIMULATOR_PATH])
def test_this_machines_own_files_are_for_this_machine(path: Path) -> None:
    machine = machine_of(path)

    assert machine is not None
    assert (machine.name, machine.bits) == (
        {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "ARM64": "arm64"}[platform.machine()],
        struct.calcsize("P") * 8,
    )
    assert pointer_bits() == machine.bits


@pytest.mark.parametrize(
    ("number", "machine"),
    [
        (0x014C, Machine("x86", 32)),
        (0x8664, Machine("x64", 64)),
        (0xAA64, Machine("arm64", 64)),
        (0x0200, None),  # IA64
    ],
)
def test_windows_files_are_distinguished(
    tmp_path: Path, number: int, machine: Machine | None
) -> None:
    library = tmp_path / "fwpuclnt.dll"
    begin = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    library.write_bytes(begin.ljust(0x80, b"\0") + b"PE\0\0" + struct.pack("<H", number))

    assert machine_of(library) == machine


@given(st.sampled_from([b"", b"MZ", b"\x7fELF", b"#!"]), st.binary(max_size=HEADER_BYTES // 8))
def test_any_file_has_an_answer(
    tmp_path_factory: pytest.TempPathFactory, begin: bytes, rest: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(begin + rest)

    machine = machine_of(file)

    assert machine is None or machine.bits in {32, 64}
