"""A changed file of keys keeps the permissions that were given to it alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from app.security.key_file import read_keys
from tests.security.made import id_of, make_key, run_keys


SERVICE: Final = "S-1-5-20"
"""Network Service, which stands for the server's account."""
DACL: Final = 4
"""DACL_SECURITY_INFORMATION (winnt.h)."""
GENERIC_READ: Final = 0x120089
"""FILE_GENERIC_READ (winnt.h)."""

win32security: Any = import_module("win32security")


def allow_to_read(path: Path, sid: str) -> None:
    descriptor = win32security.GetFileSecurity(str(path), DACL)
    dacl = descriptor.GetSecurityDescriptorDacl()
    reader = win32security.ConvertStringSidToSid(sid)
    dacl.AddAccessAllowedAce(win32security.ACL_REVISION, GENERIC_READ, reader)
    descriptor.SetSecurityDescriptorDacl(1, dacl, 0)
    win32security.SetFileSecurity(str(path), DACL, descriptor)


def aces_of(path: Path) -> list[tuple[str, int]]:
    """Who has which rights, in the list's order."""
    dacl = win32security.GetFileSecurity(str(path), DACL).GetSecurityDescriptorDacl()
    aces = [dacl.GetAce(number) for number in range(dacl.GetAceCount())]
    return [(win32security.ConvertSidToStringSid(sid), rights) for _, rights, sid in aces]


def test_a_changed_file_keeps_explicit_entries_of_its_acl(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = make_key(path, "sa:read")
    allow_to_read(path, SERVICE)
    before = aces_of(path)
    assert SERVICE in {sid for sid, _ in before}

    run_keys("revoke", id_of(key), path=path)

    assert read_keys(path).keys[0].revoked
    assert aces_of(path) == before
    assert {each.name for each in tmp_path.iterdir()} <= {"keys.json", "keys.json.lock"}
