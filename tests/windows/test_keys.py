"""A changed file of keys keeps the permissions that were given to it alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from app.auth.key_file import read_keys
from tests.auth.made import id_of, make_key, run_keys


DACL: Final = 4
"""DACL_SECURITY_INFORMATION (winnt.h)."""
EVERYONE: Final = "S-1-1-0"

win32security: Any = import_module("win32security")


def aces_of(path: Path) -> list[tuple[Any, int, str]]:
    """Return kind and flags, rights and account of each entry, in the list's order."""
    dacl = win32security.GetFileSecurity(str(path), DACL).GetSecurityDescriptorDacl()
    aces = [dacl.GetAce(number) for number in range(dacl.GetAceCount())]
    return [(kind, rights, win32security.ConvertSidToStringSid(sid)) for kind, rights, sid in aces]


def shut_out(path: Path, account: str) -> None:
    """Take an account out of a file's DACL, which its folder lets in."""
    descriptor = win32security.GetFileSecurity(str(path), DACL)
    dacl = win32security.ACL()
    for (kind, flags), rights, sid in aces_of(path):
        if sid != account:
            assert kind == 0  # ACCESS_ALLOWED_ACE_TYPE
            revision, who = win32security.ACL_REVISION, win32security.ConvertStringSidToSid(sid)
            dacl.AddAccessAllowedAceEx(revision, flags, rights, who)
    descriptor.SetSecurityDescriptorDacl(1, dacl, 0)
    win32security.SetFileSecurity(str(path), DACL, descriptor)


def test_a_changed_file_keeps_a_dacl_that_its_folder_would_not_give(tmp_path: Path) -> None:
    """Wine keeps of a DACL what a mode can say; that an account is out is such."""
    path = tmp_path / "keys.json"
    key = make_key(path, "sa:read")
    assert EVERYONE in {sid for *_, sid in aces_of(path)}
    shut_out(path, EVERYONE)
    before = aces_of(path)
    assert before
    assert EVERYONE not in {sid for *_, sid in before}

    run_keys("revoke", id_of(key), path=path)

    assert read_keys(path).keys[0].revoked
    assert aces_of(path) == before
