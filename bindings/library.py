"""Finding and loading a library of WFP's ABI.

Windows' own is loaded by its absolute path in System32, so that a DLL planted
in the working directory or on PATH is not. Any other library of the same ABI
can stand in its place; one that exports `sa_simulator_version` says by that
that its contexts are simulated.
"""

from __future__ import annotations

import importlib.util
import os
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.errors import LibraryError, NotSupported
from bindings.winerror import WinError


REQUIRED: Final = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "FwpmFreeMemory0",
    "IPsecSaContextCreateEnumHandle0",
    "IPsecSaContextEnum0",
    "IPsecSaContextDestroyEnumHandle0",
    "IPsecSaContextGetById0",
)
"""What every library must export: Windows Vista's part of the SA context functions."""

OPTIONAL: Final = (
    "IPsecSaContextEnum1",
    "IPsecSaContextGetById1",
    "IPsecSaContextSubscribe0",
    "IPsecSaContextUnsubscribe0",
    "FwpmEngineGetOption0",
    "FwpmNetEventCreateEnumHandle0",
    *(f"FwpmNetEventEnum{generation}" for generation in range(6)),
    "FwpmNetEventDestroyEnumHandle0",
    *(f"FwpmNetEventSubscribe{generation}" for generation in range(5)),
    "FwpmNetEventUnsubscribe0",
    "FwpmConnectionCreateEnumHandle0",
    "FwpmConnectionEnum0",
    "FwpmConnectionDestroyEnumHandle0",
    "FwpmConnectionGetById0",
    "FwpmConnectionSubscribe0",
    "FwpmConnectionUnsubscribe0",
    "IkeextSaCreateEnumHandle0",
    "IkeextSaEnum0",
    "IkeextSaEnum1",
    "IkeextSaEnum2",
    "IkeextSaDestroyEnumHandle0",
    "IkeextSaGetById0",
    "IkeextSaGetById1",
    "IkeextSaGetById2",
    "IPsecGetStatistics0",
    "IPsecGetStatistics1",
    "IkeextGetStatistics0",
    "IkeextGetStatistics1",
)
"""What newer Windows added, and what is not about SA contexts; looked up when first needed."""

SIMULATOR_MARKER: Final = "sa_simulator_version"


POINTER_BYTES: Final = 8
MAX_PATH: Final = 260


class EngineKind(StrEnum):
    """Whose SA contexts a library shows."""

    WINDOWS = "windows"
    SIMULATOR = "simulator"
    OTHER = "other"


class Library:
    """A loaded library of WFP's ABI.

    Attributes:
        path: the file it was loaded from.
        kind: whose contexts it shows.
        lib: the functions, as cffi calls them.
    """

    def __init__(self, path: Path) -> None:
        """Load the library at the absolute `path`.

        Raises:
            LibraryError: this is a 32-bit process, there is no such file, it
                is no library, or it lacks a required function.
        """
        require_64_bit()
        if not path.is_absolute():
            raise LibraryError(f"the library's path must be absolute: {path}")
        if not path.is_file():
            raise LibraryError(f"there is no library at {path}")
        try:
            self.lib: Any = ffi.dlopen(str(path))
        except OSError as error:
            raise LibraryError(f"{path} cannot be loaded as a library: {error}") from error
        self.path = path
        missing = [name for name in REQUIRED if not self.has(name)]
        if missing:
            raise LibraryError(f"{path} is no WFP library: it lacks {', '.join(missing)}")
        self.kind = self._kind()

    def has(self, function: str) -> bool:
        """Whether the library exports a function of the cdef headers."""
        try:
            getattr(self.lib, function)
        except ffi.error:
            return False
        return True

    def function(self, name: str) -> Any:
        """The function, to be called through `Session.call`.

        Raises:
            NotSupported: the library does not export it.
        """
        try:
            return getattr(self.lib, name)
        except ffi.error:
            raise NotSupported(WinError.RPC_S_PROCNUM_OUT_OF_RANGE, name) from None

    def functions(self) -> dict[str, bool]:
        """Every function that the bindings know, and whether the library has it."""
        return {name: self.has(name) for name in (*REQUIRED, *OPTIONAL)}

    def _kind(self) -> EngineKind:
        if self.has(SIMULATOR_MARKER):
            return EngineKind.SIMULATOR
        system = system_library()
        if system is not None and system.is_file() and self.path.samefile(system):
            return EngineKind.WINDOWS
        return EngineKind.OTHER


def require_64_bit() -> None:
    """Refuse a 32-bit process, where the structs have another layout.

    Raises:
        LibraryError: pointers have less than 64 bits.
    """
    if ffi.sizeof("void *") != POINTER_BYTES:
        raise LibraryError(
            "this Python is a 32-bit program; the filter engine's memory is read in its 64-bit "
            "layout only: use a 64-bit Python"
        )


def system_library() -> Path | None:
    """Where Windows keeps fwpuclnt.dll; None on another system."""
    return system_folder() / "fwpuclnt.dll" if os.name == "nt" else None


def system_folder() -> Path:
    """Windows' System32, from where its own libraries are loaded (sysinfoapi.h)."""
    folder = ffi.new("char16_t[]", MAX_PATH)
    # kernel32 is loaded in every process; its name alone cannot lead elsewhere.
    ffi.dlopen("kernel32.dll").GetSystemDirectoryW(folder, len(folder))
    return Path(ffi.string(folder))


@cache
def windows_library(name: str) -> Any:
    """Another library of Windows' own, by its name without `.dll`; it stays loaded."""
    return ffi.dlopen(str(system_folder() / f"{name}.dll"))


def simulator_library() -> Path | None:
    """The library of the installed simulator; None where it is not installed."""
    spec = importlib.util.find_spec("sa_contexts_simulator")
    if spec is None or spec.origin is None:
        return None
    suffix = "dll" if os.name == "nt" else "so"
    return Path(spec.origin).with_name(f"sa_simulator.{suffix}")


def find_library(kind: str = "auto", path: Path | None = None) -> Path:
    """The library to load.

    Args:
        kind: `windows`, `simulator`, or `auto`: Windows' own where it exists,
            else the simulator.
        path: a library named outright, which decides.

    Raises:
        LibraryError: there is none of the kind asked for.
    """
    if path is not None:
        return path
    system, simulator = system_library(), simulator_library()
    if kind in ("auto", "windows") and system is not None and system.is_file():
        return system
    if kind == "windows":
        raise LibraryError("this machine has no Windows Filtering Platform (fwpuclnt.dll)")
    if simulator is not None:
        return simulator
    raise LibraryError(
        "this machine has no Windows Filtering Platform and the simulator is not installed: "
        "install sa-contexts[simulator], or name a library of the same ABI in SA_CONTEXTS_LIBRARY"
    )
