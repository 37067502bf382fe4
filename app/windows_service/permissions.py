"""Who may read and write a folder (SetNamedSecurityInfoW), and who is in a local group."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pywintypes
import win32api
import win32con
import win32file
import win32net
import win32security
import winerror


SYSTEM: Final = "S-1-5-18"
ADMINISTRATORS: Final = "S-1-5-32-544"
SERVICE_LOGON: Final = "SeServiceLogonRight"

_NET: Final[Any] = win32net
"""Its stubs do not know that the server's name may be None, which is this computer."""


class FolderRefused(Exception):
    """Somebody else made the folder, and so can change it."""


def make_folder(folder: Path, sddl: str) -> bool:
    """Make a folder, where there is none, with exactly these permissions, which what is in it gets.

    Every user may make folders in `%ProgramData%`, and who made one may give its permissions
    anew. So one that is there is taken only from those who may do all anyway.

    Args:
        folder: which.
        sddl: its discretionary access control list, in the string format.

    Returns:
        Whether it was made.

    Raises:
        FolderRefused: its owner is neither the system, nor administrators, nor who asks.
    """
    descriptor = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
        sddl, win32security.SDDL_REVISION_1
    )
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.SECURITY_DESCRIPTOR = descriptor
    try:
        win32file.CreateDirectory(str(folder), attributes)
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_ALREADY_EXISTS:
            raise
        owner = _owner(folder)
        if owner not in {SYSTEM, ADMINISTRATORS, _who_asks()}:
            raise FolderRefused(f"it belongs to {owner}; move it away") from None
        is_new = False
    else:
        is_new = True
    win32security.SetNamedSecurityInfo(
        str(folder),
        win32security.SE_FILE_OBJECT,
        win32security.DACL_SECURITY_INFORMATION | win32security.PROTECTED_DACL_SECURITY_INFORMATION,
        None,
        None,
        descriptor.GetSecurityDescriptorDacl(),
        None,
    )
    return is_new


def allow_to_be_a_service(sid: str) -> None:
    """Let an account log on as a service (LsaAddAccountRights), as services' own accounts may."""
    policy = win32security.LsaOpenPolicy(
        "", win32security.POLICY_CREATE_ACCOUNT | win32security.POLICY_LOOKUP_NAMES
    )
    win32security.LsaAddAccountRights(
        policy, win32security.ConvertStringSidToSid(sid), (SERVICE_LOGON,)
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


def _owner(folder: Path) -> str:
    """The SID of who owns a folder, as text."""
    descriptor = win32security.GetNamedSecurityInfo(
        str(folder), win32security.SE_FILE_OBJECT, win32security.OWNER_SECURITY_INFORMATION
    )
    return win32security.ConvertSidToStringSid(descriptor.GetSecurityDescriptorOwner())


def _who_asks() -> str:
    """The SID of the account of this process, as text."""
    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32con.TOKEN_QUERY)
    sid, _attributes = win32security.GetTokenInformation(token, win32security.TokenUser)
    return win32security.ConvertSidToStringSid(sid)
