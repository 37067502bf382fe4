"""The access token of this process: group membership and elevation (winnt.h).

By default, WFP grants read access to Administrators and Network Configuration
Operators (learn.microsoft.com, "Access Control (Windows Filtering Platform)").
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from bindings._fwpuclnt import ffi
from bindings.library import windows_library


ADMINISTRATORS: Final = 544
NETWORK_CONFIGURATION_OPERATORS: Final = 556
"""The relative identifiers (RIDs) of the groups S-1-5-32-544 and S-1-5-32-556 (winnt.h)."""

SECURITY_BUILTIN_DOMAIN: Final = 32
TOKEN_QUERY: Final = 0x8
TOKEN_ELEVATION_TYPE: Final = 18
"""TokenElevationType of TOKEN_INFORMATION_CLASS (winnt.h)."""


class Elevation(IntEnum):
    """TOKEN_ELEVATION_TYPE (winnt.h): whether User Account Control limited the token."""

    DEFAULT = 1
    FULL = 2
    LIMITED = 3


@dataclass(frozen=True, slots=True)
class Account:
    """The group membership and elevation of an access token.

    Attributes:
        is_administrator: whether the group Administrators is enabled in the token. In a token
            that User Account Control limited, the group is deny-only, not enabled.
        is_operator: whether the group Network Configuration Operators is enabled in the token.
        elevation: None if Windows does not report it or reports an unknown value.
    """

    is_administrator: bool
    is_operator: bool
    elevation: Elevation | None


def account() -> Account | None:
    """Return the group membership and elevation of this process; None outside Windows.

    Raises:
        OSError: Windows did not report the group membership.
    """
    if os.name != "nt":
        return None
    return Account(
        _is_member(ADMINISTRATORS), _is_member(NETWORK_CONFIGURATION_OPERATORS), _elevation()
    )


def _is_member(group: int) -> bool:
    sid = ffi.new(
        "uint8_t[]", struct.pack("<BB6sII", 1, 2, bytes(5) + b"\5", SECURITY_BUILTIN_DOMAIN, group)
    )
    is_member = ffi.new("BOOL *")
    if not windows_library("advapi32").CheckTokenMembership(
        ffi.NULL, ffi.cast("SID *", sid), is_member
    ):
        raise OSError(*ffi.getwinerror())
    return bool(is_member[0])


def _elevation() -> Elevation | None:
    security, kernel = windows_library("advapi32"), windows_library("kernel32")
    token = ffi.new("HANDLE *")
    if not security.OpenProcessToken(kernel.GetCurrentProcess(), TOKEN_QUERY, token):
        return None
    try:
        kind, length = ffi.new("UINT32 *"), ffi.new("DWORD *")
        size = ffi.sizeof("UINT32")
        if not security.GetTokenInformation(token[0], TOKEN_ELEVATION_TYPE, kind, size, length):
            return None
        return Elevation(kind[0]) if kind[0] in set(Elevation) else None
    finally:
        kernel.CloseHandle(token[0])
