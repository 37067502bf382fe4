"""The state of Windows' services (QueryServiceStatusEx, winsvc.h)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.library import windows_library


SC_MANAGER_CONNECT: Final = 0x1
SERVICE_QUERY_CONFIG: Final = 0x1
SERVICE_QUERY_STATUS: Final = 0x4
SC_STATUS_PROCESS_INFO: Final = 0
ERROR_SERVICE_DOES_NOT_EXIST: Final = 1060

CONFIG_BYTES: Final = 8 << 10
"""The maximum size of a service's configuration, in bytes (QueryServiceConfigW)."""


class ServiceState(IntEnum):
    """SERVICE_STATUS_PROCESS.dwCurrentState (winsvc.h)."""

    STOPPED = 1
    START_PENDING = 2
    STOP_PENDING = 3
    RUNNING = 4
    CONTINUE_PENDING = 5
    PAUSE_PENDING = 6
    PAUSED = 7


class ServiceStart(IntEnum):
    """QUERY_SERVICE_CONFIG.dwStartType (winsvc.h)."""

    BOOT = 0
    SYSTEM = 1
    AUTOMATIC = 2
    MANUAL = 3
    DISABLED = 4


@dataclass(frozen=True, slots=True)
class Service:
    """The current state of a service.

    Attributes:
        state: the state; an int if it is not in `ServiceState`.
        start: the start type; an int if it is not in `ServiceStart`, None if it could not be
            queried.
    """

    state: ServiceState | int
    start: ServiceStart | int | None


def _advapi32() -> Any:
    """Load advapi32.dll; return None if not running on Windows."""
    return windows_library("advapi32") if os.name == "nt" else None


def has_services() -> bool:
    """Return whether this system has Windows services."""
    return _advapi32() is not None


def service(name: str) -> Service | None:
    """Query the service with this name; return None if there is no such service.

    Any account may query the state of a service, unless the DACL of the service denies it.

    Raises:
        OSError: a call failed; `errno` is the Win32 code.
    """
    with _opened("OpenSCManagerW", ffi.NULL, ffi.NULL, SC_MANAGER_CONNECT) as manager:
        try:
            with _opened("OpenServiceW", manager, name, SERVICE_QUERY_STATUS) as handle:
                return Service(_state(handle), _start(manager, name))
        except OSError as error:
            if error.errno == ERROR_SERVICE_DOES_NOT_EXIST:
                return None
            raise


def _state(handle: Any) -> ServiceState | int:
    status = ffi.new("SERVICE_STATUS_PROCESS *")
    size = ffi.sizeof("SERVICE_STATUS_PROCESS")
    if not _advapi32().QueryServiceStatusEx(
        handle, SC_STATUS_PROCESS_INFO, status, size, ffi.new("DWORD *")
    ):
        raise _last_error("QueryServiceStatusEx")
    state: int = status.dwCurrentState
    return ServiceState(state) if state in set(ServiceState) else state


def _start(manager: Any, name: str) -> ServiceStart | int | None:
    library = _advapi32()
    memory = ffi.new("uint64_t[]", CONFIG_BYTES // 8)
    try:
        with _opened("OpenServiceW", manager, name, SERVICE_QUERY_CONFIG) as handle:
            if not library.QueryServiceConfigW(handle, memory, CONFIG_BYTES, ffi.new("DWORD *")):
                return None
    except OSError:
        return None
    start: int = ffi.cast("QUERY_SERVICE_CONFIGW *", memory).dwStartType
    return ServiceStart(start) if start in set(ServiceStart) else start


@contextmanager
def _opened(function: str, *arguments: Any) -> Iterator[Any]:
    """Open a service control manager handle by `function`, and close it at the end of the block."""
    handle = getattr(_advapi32(), function)(*arguments)
    if not handle:
        raise _last_error(function)
    try:
        yield handle
    finally:
        _advapi32().CloseServiceHandle(handle)


def _last_error(function: str) -> OSError:
    code: int = ffi.getwinerror()[0] if os.name == "nt" else ffi.errno
    return OSError(code, f"{function} failed with {code}")
