r"""Indirect strings: names that refer to a resource of a DLL, such as `@FirewallAPI.dll,-80204`.

Windows' own rules and policies have such names. They are resolved as Windows' tools do
(SHLoadIndirectString, shlwapi.h), but only from DLLs directly in System32: a program that may
add filters may choose their names, and the server must not load any file that such a name refers
to. A name without a folder means a DLL in System32; `%SystemRoot%` and `%windir%` are
the only variables. Subfolders are excluded, because users may write to some of them. Everything
else is left as it is: names with other folders, network or device paths, or packages (`@{…}`), and
all names on systems other than Windows.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Final

from bindings._fwpuclnt import ffi
from bindings.library import system_folder, windows_library
from bindings.memory import read_wide_string


MAX_CHARACTERS: Final = 1024
"""The longest text that is loaded, with its terminator."""

_INDIRECT: Final = re.compile(
    r"@(?P<folder>(?:%systemroot%|%windir%|[a-z]:)(?:\\[^\\,;%]+)*\\)?"
    r"(?P<file>(?P<stem>[a-z0-9_-][a-z0-9_.-]{0,63})\.(?:dll|exe)),-(?P<id>[0-9]{1,5})(?:;.*)?",
    re.IGNORECASE | re.ASCII,
)
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
"""Names that mean a device in every folder (learn.microsoft.com, "Naming Files")."""


def display_name(text: str | None) -> str | None:
    """Return the text that an indirect string refers to, or the string itself."""
    if text is None or not text.startswith("@") or os.name != "nt":
        return text
    return _loaded(text)


def system_resource(text: str, folder: PureWindowsPath) -> str | None:
    """Return an indirect string with the full path of its DLL; None if it must not be loaded.

    Args:
        text: the indirect string.
        folder: the path of System32.
    """
    found = _INDIRECT.fullmatch(text)
    if found is None or _DEVICE.match(found["stem"]):
        return None
    named = found["folder"]
    if named is not None:
        variable, _, rest = named.partition("\\")
        root = str(folder.parent) if variable.startswith("%") else variable
        # Only the exact path is accepted. Nothing is normalized: no `..`, no trailing dots.
        if f"{root}\\{rest}".lower() != f"{folder}\\".lower():
            return None
    return f"@{folder}\\{found['file']},-{found['id']}"


@lru_cache(maxsize=1024)
def _loaded(text: str) -> str:
    """Load an indirect string on Windows. Cached, because the texts do not change meanwhile."""
    folder = system_folder()
    source = system_resource(text, PureWindowsPath(folder))
    if source is None or not _is_in(folder, source[1:].rpartition(",")[0]):
        return text
    out = ffi.new("char16_t[]", MAX_CHARACTERS)
    failed = windows_library("shlwapi").SHLoadIndirectString(
        ffi.new("char16_t[]", source), out, MAX_CHARACTERS, ffi.NULL
    )
    loaded = None if failed else read_wide_string(int(ffi.cast("uintptr_t", out)))
    return loaded or text


def _is_in(folder: Path, path: str) -> bool:
    """Return whether a file exists and its real path is directly in a folder."""
    try:
        return Path(path).resolve(strict=True).parent.samefile(folder)
    except OSError:
        return False
