"""Indirect strings are resolved only from System32; everything else is left as it is."""

from __future__ import annotations

import ntpath
import os
from pathlib import PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bindings.indirect_strings import display_name, system_resource


FOLDER = PureWindowsPath(r"C:\Windows\System32")

RESOLVED = {
    "@FirewallAPI.dll,-80204": r"@C:\Windows\System32\FirewallAPI.dll,-80204",
    "@firewallapi.DLL,-1": r"@C:\Windows\System32\firewallapi.DLL,-1",
    r"@%SystemRoot%\system32\FirewallAPI.dll,-23101": (
        r"@C:\Windows\System32\FirewallAPI.dll,-23101"
    ),
    r"@%windir%\System32\icsvc.dll,-700": r"@C:\Windows\System32\icsvc.dll,-700",
    r"@c:\WINDOWS\system32\svchost.exe,-7": r"@C:\Windows\System32\svchost.exe,-7",
    "@FirewallAPI.dll,-80204;a comment": r"@C:\Windows\System32\FirewallAPI.dll,-80204",
}
LEFT = [
    "",
    "@",
    "Database servers",
    "@FirewallAPI.dll",
    "@FirewallAPI.dll,80204",
    "@FirewallAPI.dll,-",
    "@FirewallAPI.dll,-123456",
    "@FirewallAPI.dll,-1\n",
    "@FirewallAPI.txt,-1",
    "@.dll,-1",
    "@con.dll,-1",
    "@NUL.dll,-1",
    "@com1.x.dll,-1",
    "@a.dll:stream.dll,-1",
    r"@\\server\share\a.dll,-1",
    r"@//server/share/a.dll,-1",
    r"@\\?\C:\Windows\System32\a.dll,-1",
    r"@\\.\C:\Windows\System32\a.dll,-1",
    r"@\??\C:\Windows\System32\a.dll,-1",
    r"@\Windows\System32\a.dll,-1",
    r"@System32\a.dll,-1",
    r"@C:a.dll,-1",
    r"@C:\Windows\a.dll,-1",
    r"@C:\Windows\SysWOW64\a.dll,-1",
    r"@C:\Windows\System32\drivers\tcpip.dll,-1",
    r"@C:\Windows\System32\spool\drivers\color\a.dll,-1",
    r"@C:\Windows\System32\..\Temp\a.dll,-1",
    r"@C:\Windows\Temp\..\System32\a.dll,-1",
    r"@C:\Windows\.\System32\a.dll,-1",
    r"@C:\Windows\System32.\a.dll,-1",
    r"@C:\Windows\System32 \a.dll,-1",
    r"@C:\Windows\\System32\a.dll,-1",
    r"@C:/Windows/System32/a.dll,-1",
    r"@D:\Windows\System32\a.dll,-1",
    r"@%SystemRoot%\a.dll,-1",
    r"@%SystemRoot%\system32\..\a.dll,-1",
    r"@%TEMP%\a.dll,-1",
    r"@%SystemRoot%%TEMP%\system32\a.dll,-1",
    "@{Microsoft.Windows?ms-resource://Microsoft.Windows/resources/Name}",
    "@ms-resource://a,-1",
]


@pytest.mark.parametrize(("text", "resolved"), RESOLVED.items())
def test_resource_of_system32_gets_its_full_path(text: str, resolved: str) -> None:
    assert system_resource(text, FOLDER) == resolved


@pytest.mark.parametrize("text", LEFT)
def test_anything_else_is_not_loaded(text: str) -> None:
    assert system_resource(text, FOLDER) is None


_PIECES = st.sampled_from(
    [
        *("C:", "D:", "\\", "/", "..", ".", " ", "%SystemRoot%", "%TEMP%", "Windows", "System32"),
        *("system32", "drivers", "a.dll", "con.dll", "\\\\?\\", "\\\\server\\", ":", ",", ";", "@"),
    ]
)


@given(pieces=st.lists(_PIECES, max_size=8), end=st.sampled_from([",-1", ",-1;x", ""]))
@example(pieces=["C:", "\\", "Windows", "\\", "System32", "\\", "a.dll"], end=",-1")
def test_only_files_directly_in_system32_are_loaded(pieces: list[str], end: str) -> None:
    found = system_resource("@" + "".join(pieces) + end, FOLDER)

    if found is not None:
        path = found[1:].rpartition(",")[0]
        assert ntpath.normpath(path) == path
        folder, file = ntpath.split(path)
        assert folder == str(FOLDER)
        assert file.endswith(".dll")
        assert ntpath.splitdrive(path)[0] == "C:"


def test_text_that_is_not_indirect_is_itself() -> None:
    assert display_name("Database servers") == "Database servers"
    assert display_name(None) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows resolves them")
def test_indirect_strings_are_left_where_there_is_no_windows() -> None:
    assert display_name("@FirewallAPI.dll,-80204") == "@FirewallAPI.dll,-80204"


@pytest.mark.skipif(os.name != "nt", reason="needs Windows' own Python")
def test_windows_resolves_what_is_in_system32_and_leaves_the_rest() -> None:
    known = r"@%SystemRoot%\system32\user32.dll,-2"

    assert display_name(known) not in (None, "", known)
    assert display_name("@user32.dll,-2") == display_name(known)
    for text in (r"@C:\Windows\user32.dll,-2", "@nothing.dll,-1", "@user32.dll,-65000"):
        assert display_name(text) == text
