"""Processes that listen on a TCP port (GetExtendedTcpTable, iphlpapi.h)."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from bindings._fwpuclnt import ffi
from bindings.library import windows_library


AF_INET: Final = 2
AF_INET6: Final = 23
TCP_TABLE_OWNER_PID_LISTENER: Final = 3
ERROR_INSUFFICIENT_BUFFER: Final = 122
PROCESS_QUERY_LIMITED_INFORMATION: Final = 0x1000
PATH_CHARACTERS: Final = 32768
"""The maximum length of a path, in characters."""


class Listener(NamedTuple):
    """A listening process and its program; each is None if unknown. In Wine, both are unknown."""

    process_id: int | None
    program: str | None


def tcp_listeners(port: int) -> list[Listener]:
    """Return the processes that listen on `port`, on any address; none outside Windows."""
    if os.name != "nt":
        return []
    found = {
        row.dwOwningPid
        for family, table in (
            (AF_INET, "MIB_TCPTABLE_OWNER_PID"),
            (AF_INET6, "MIB_TCP6TABLE_OWNER_PID"),
        )
        for row in _rows(family, table)
        if _port(row.dwLocalPort) == port
    }
    return [
        Listener(process_id or None, program_of(process_id) if process_id else None)
        for process_id in sorted(found)
    ]


def _rows(family: int, table: str) -> list[Any]:
    """Return copies of the rows of one address family; none if the table cannot be read."""
    call = windows_library("iphlpapi").GetExtendedTcpTable
    size = ffi.new("DWORD *", 16 << 10)
    while True:  # the table may grow between two calls
        memory = ffi.new("uint64_t[]", (size[0] + 7) // 8)
        code = call(memory, size, 0, family, TCP_TABLE_OWNER_PID_LISTENER, 0)
        if code != ERROR_INSUFFICIENT_BUFFER:
            break
    if code:
        return []
    start = ffi.cast(f"{table} *", memory)
    row = ffi.typeof(start.table).item
    rows = ffi.cast(ffi.getctype(row, "*"), start.table)
    return [ffi.new(ffi.getctype(row, "*"), rows[index]) for index in range(start.dwNumEntries)]


def _port(number: int) -> int:
    """Return the port in the low word of a DWORD, where it is in network order."""
    return int.from_bytes((number & 0xFFFF).to_bytes(2, "little"), "big")


def program_of(process_id: int) -> str | None:
    """Return the file name of the program of a process; None if it ended or access is denied."""
    kernel = windows_library("kernel32")
    process = kernel.OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process_id)
    if not process:
        return None
    try:
        name, size = ffi.new("char16_t[]", PATH_CHARACTERS), ffi.new("DWORD *", PATH_CHARACTERS)
        if not kernel.QueryFullProcessImageNameW(process, 0, name, size):
            return None
        path: str = ffi.string(name)
    finally:
        kernel.CloseHandle(process)
    return path.rpartition("\\")[2]
