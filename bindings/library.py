"""Finding and loading a library that implements WFP's ABI.

Windows' own library is loaded by its absolute path in System32, so that a DLL
planted in the working directory or on PATH is never loaded. Another library with
the same ABI can be loaded instead. A library that exports `sa_simulator_version` is
a simulator.
"""

from __future__ import annotations

import importlib.util
import os
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import get_ident
from time import monotonic
from typing import Any, Final, NamedTuple

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
"""The functions that every library must export: those for SA contexts in Windows Vista."""

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
    "FwpmFilterGetById0",
    *(f"FwpmProviderContextGetById{generation}" for generation in range(4)),
    *(f"FwpmProviderContextGetByKey{generation}" for generation in range(4)),
    "FwpmProviderContextCreateEnumHandle0",
    *(f"FwpmProviderContextEnum{generation}" for generation in range(4)),
    "FwpmProviderContextDestroyEnumHandle0",
    "IPsecGetStatistics0",
    "IPsecGetStatistics1",
    "IkeextGetStatistics0",
    "IkeextGetStatistics1",
)
"""Functions that a library may lack: those of newer Windows versions and for other objects."""

SIMULATOR_MARKER: Final = "sa_simulator_version"


POINTER_BYTES: Final = 8
MAX_PATH: Final = 260


class EngineKind(StrEnum):
    """The kind of engine that a library gives access to."""

    WINDOWS = "windows"
    SIMULATOR = "simulator"
    OTHER = "other"


class UnfinishedCall(NamedTuple):
    """A call of the library that has not returned.

    Attributes:
        function: its name.
        started: when it started, on `time.monotonic`.
    """

    function: str
    started: float

    def seconds(self) -> float:
        """Return for how long it has not returned."""
        return monotonic() - self.started


class Library:
    """A loaded library that implements WFP's ABI.

    Attributes:
        path: the file from which the library was loaded.
        kind: the kind of its engine.
        lib: the cffi library object.
    """

    def __init__(self, path: Path) -> None:
        """Load the library at the absolute `path`.

        Raises:
            LibraryError: the process is 32-bit, or the path is not absolute, or the file does
                not exist, is not a library or lacks a required function.
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
        self._unfinished_calls: dict[int, UnfinishedCall] = {}  # by thread
        missing = [name for name in REQUIRED if not self.has(name)]
        if missing:
            raise LibraryError(f"{path} is not a WFP library: it lacks {', '.join(missing)}")
        self.kind = self._kind()

    def has(self, function: str) -> bool:
        """Return whether the library exports a function that the cdef headers declare."""
        try:
            getattr(self.lib, function)
        except ffi.error:
            return False
        return True

    def function(self, name: str) -> Any:
        """Return an exported function by name; to call one, use `call` or `Session.call`.

        Raises:
            NotSupported: the library does not export it.
        """
        try:
            return getattr(self.lib, name)
        except ffi.error:
            raise NotSupported(WinError.RPC_S_PROCNUM_OUT_OF_RANGE, name) from None

    def call(self, name: str, *arguments: Any) -> Any:
        """Call an exported function and return its result.

        Raises:
            NotSupported: the library does not export it.
        """
        function, thread = self.function(name), get_ident()
        self._unfinished_calls[thread] = UnfinishedCall(name, monotonic())
        try:
            return function(*arguments)
        finally:
            del self._unfinished_calls[thread]

    def oldest_unfinished_call(self) -> UnfinishedCall | None:
        """Return the call that has taken longest so far; None if no thread is in a call."""
        calls = self._unfinished_calls.copy().values()  # threads change it meanwhile
        return min(calls, key=lambda call: call.started, default=None)

    def functions(self) -> dict[str, bool]:
        """Return, for each name in `REQUIRED` and `OPTIONAL`, whether the library exports it."""
        return {name: self.has(name) for name in (*REQUIRED, *OPTIONAL)}

    def _kind(self) -> EngineKind:
        if self.has(SIMULATOR_MARKER):
            return EngineKind.SIMULATOR
        system = system_library()
        if system is not None and system.is_file() and self.path.samefile(system):
            return EngineKind.WINDOWS
        return EngineKind.OTHER


def require_64_bit() -> None:
    """Raise an error in a 32-bit process, because structs have another layout there.

    Raises:
        LibraryError: pointers have fewer than 64 bits.
    """
    if ffi.sizeof("void *") != POINTER_BYTES:
        raise LibraryError(
            "this Python is a 32-bit program; the filter engine's memory is read in its 64-bit "
            "layout only: use a 64-bit Python"
        )


def system_library() -> Path | None:
    """Return the path of Windows' fwpuclnt.dll; None if not running on Windows."""
    return system_folder() / "fwpuclnt.dll" if os.name == "nt" else None


def system_folder() -> Path:
    """Return the path of System32 (GetSystemDirectoryW, sysinfoapi.h)."""
    folder = ffi.new("char16_t[]", MAX_PATH)
    # kernel32 is already loaded in every process, so its bare name is safe.
    ffi.dlopen("kernel32.dll").GetSystemDirectoryW(folder, len(folder))
    return Path(ffi.string(folder))


@cache
def windows_library(name: str) -> Any:
    """Load a library in System32 by its name without `.dll`; it stays loaded."""
    return ffi.dlopen(str(system_folder() / f"{name}.dll"))


def simulator_library() -> Path | None:
    """Return the path of the simulator's library; None if it is not installed."""
    spec = importlib.util.find_spec("sa_contexts_simulator")
    if spec is None or spec.origin is None:
        return None
    suffix = "dll" if os.name == "nt" else "so"
    return Path(spec.origin).with_name(f"sa_simulator.{suffix}")


def find_library(kind: str = "auto", path: Path | None = None) -> Path:
    """Return the path of the library to load.

    Args:
        kind: `windows`, `simulator` or `auto`; `auto` selects Windows' own library if
            it exists, else the simulator.
        path: the library to load; if given, `kind` is ignored.

    Raises:
        LibraryError: there is no library of the requested kind.
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
