"""Who may read and write a folder (SetNamedSecurityInfoW), and who is in a local group."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pywintypes
import win32net
import win32security
import winerror


_NET: Final[Any] = win32net
"""Its stubs do not know that the server's name may be None, which is this computer."""


def make_folder(folder: Path, sddl: str) -> None:
    """Make a folder, where there is none, with exactly these permissions, which what is in it gets.

    Args:
        folder: which.
        sddl: its discretionary access control list, in the string format.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
        sddl, win32security.SDDL_REVISION_1
    )
    win32security.SetNamedSecurityInfo(
        str(folder),
        win32security.SE_FILE_OBJECT,
        win32security.DACL_SECURITY_INFORMATION | win32security.PROTECTED_DACL_SECURITY_INFORMATION,
        None,
        None,
        descriptor.GetSecurityDescriptorDacl(),
        None,
    )


def sid_of(account: str) -> str:
    """The SID of an account, as text."""
    sid, _domain, _kind = win32security.LookupAccountName(None, account)
    return win32security.ConvertSidToStringSid(sid)


def join_group(group_sid: str, account: str) -> bool:
    """Put an account into a local group; whether it was not there before."""
    try:
        _NET.NetLocalGroupAddMembers(None, _group_name(group_sid), 3, [{"domainandname": account}])
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_MEMBER_IN_ALIAS:
            raise
        return False
    return True


def leave_group(group_sid: str, account: str) -> None:
    """Take an account out of a local group, if it is in it."""
    try:
        _NET.NetLocalGroupDelMembers(None, _group_name(group_sid), [account])
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_MEMBER_NOT_IN_ALIAS:
            raise


def _group_name(sid: str) -> str:
    """The group's name in the language of this Windows."""
    name, _domain, _kind = win32security.LookupAccountSid(
        None, win32security.ConvertStringSidToSid(sid)
    )
    return name
