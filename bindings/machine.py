"""The target machine of a program or library, from its file header.

A process can load only libraries that have its own pointer width. 64-bit Windows
redirects a 32-bit process to the libraries in SysWOW64, whose structs have another
layout.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, NamedTuple

from bindings._fwpuclnt import ffi


PE_POINTER: Final = 0x3C
PE_MACHINE: Final = 4
ELF_CLASS: Final = 4
ELF_MACHINE: Final = 18
HEADER_BYTES: Final = 4096


class Machine(NamedTuple):
    """A machine's name and pointer width in bits."""

    name: str
    bits: int


PE_MACHINES: Final = {
    0x014C: Machine("x86", 32),
    0x01C4: Machine("arm", 32),
    0x8664: Machine("x64", 64),
    0xAA64: Machine("arm64", 64),
}
"""IMAGE_FILE_MACHINE_* (winnt.h)."""

ELF_MACHINES: Final = {3: "x86", 40: "arm", 62: "x64", 183: "arm64"}
"""EM_* (System V ABI)."""


def pointer_bits() -> int:
    """Return the pointer width of this process, in bits."""
    return 8 * int(ffi.sizeof("void *"))


def machine_of(path: Path) -> Machine | None:
    """Return the target machine of a PE or ELF file; None for other files or unknown PE machines.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    try:
        if header.startswith(b"MZ"):
            (offset,) = struct.unpack_from("<I", header, PE_POINTER)
            if header[offset : offset + PE_MACHINE] != b"PE\0\0":
                return None
            (number,) = struct.unpack_from("<H", header, offset + PE_MACHINE)
            return PE_MACHINES.get(number)
        if header.startswith(b"\x7fELF"):
            (number,) = struct.unpack_from("<H", header, ELF_MACHINE)
            bits = {1: 32, 2: 64}.get(header[ELF_CLASS])
            return (
                Machine(ELF_MACHINES.get(number, f"ELF machine {number}"), bits) if bits else None
            )
    except struct.error:
        return None
    return None
