"""The names of network interfaces (ConvertInterfaceLuidToAlias, netioapi.h)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache

from bindings._fwpuclnt import ffi
from bindings.library import windows_library
from bindings.memory import read_wide_string


ALIAS_LENGTH = 257
"""IF_MAX_STRING_SIZE plus a NUL, in characters (ifdef.h)."""

_replayed: dict[int, str] = {}


def replay_aliases(aliases: Mapping[int, str]) -> None:
    """Use these interface names, by LUID, instead of the system's; an empty mapping ends this."""
    _replayed.clear()
    _replayed.update(aliases)


def interface_aliases() -> Callable[[int], str | None]:
    """Return a function that maps an interface's LUID to its name, or to None if it is unknown.

    After `replay_aliases`, only the replayed names are known. Otherwise the names come from
    Windows; on other systems, no name is known. The function caches names, so that a LUID has
    one name throughout a refresh. Create a new function for each refresh, because names can
    change.
    """
    if _replayed or os.name != "nt":
        return dict(_replayed).get
    library = windows_library("iphlpapi")

    @cache
    def alias(luid: int) -> str | None:
        name = ffi.new("char16_t[]", ALIAS_LENGTH)
        code = library.ConvertInterfaceLuidToAlias(ffi.new("UINT64 *", luid), name, ALIAS_LENGTH)
        return None if code else read_wide_string(int(ffi.cast("uintptr_t", name)))

    return alias
