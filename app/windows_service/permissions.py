"""Permissions of folders, membership of local groups, and the right to log on as a service."""

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

_NO_MEMBER: Final = frozenset({winerror.ERROR_MEMBER_NOT_IN_ALIAS, winerror.ERROR_NO_SUCH_MEMBER})
_NET: Final[Any] = win32net
"""Not typed, because the stubs reject None as the server name, which means this computer."""


class FolderOwnerRejected(Exception):
    """The folder belongs to an untrusted user, who could change its permissions."""


def make_folder(folder: Path, sddl: str) -> bool:
    """Create a folder if it does not exist, and replace its DACL.

    Every user may create folders in `%ProgramData%`, and the owner of a folder may change its
    permissions. An existing folder is therefore accepted only if its owner is trusted.

    Args:
        folder: the folder.
        sddl: the DACL in SDDL.

    Returns:
        Whether the folder was created.

    Raises:
        FolderOwnerRejected: the owner is not the system, the group Administrators or this account.
        pywintypes.error: a call of Windows failed.
    """
    descriptor = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
        sddl, win32security.SDDL_REVISION_1
    )
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.SECURITY_DESCRIPTOR = descriptor
    is_new = True
    try:
        win32file.CreateDirectory(str(folder), attributes)
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_ALREADY_EXISTS:
            raise
        owner = _owner(folder)
        if owner not in {SYSTEM, ADMINISTRATORS, _own_sid()}:
            raise FolderOwnerRejected(f"it belongs to {owner}; move it away") from None
        is_new = False
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


def grant_service_logon(sid: str) -> None:
    """Grant an account the right to log on as a service; virtual accounts already have it."""
    policy = win32security.LsaOpenPolicy(
        "", win32security.POLICY_CREATE_ACCOUNT | win32security.POLICY_LOOKUP_NAMES
    )
    win32security.LsaAddAccountRights(
        policy, win32security.ConvertStringSidToSid(sid), (SERVICE_LOGON,)
    )


def sid_of(account: str) -> str:
    """Return the SID of an account as text."""
    sid, _domain, _kind = win32security.LookupAccountName(None, account)
    return win32security.ConvertSidToStringSid(sid)


def join_group(group_sid: str, account: str) -> bool:
    """Add an account to a local group; return False if it already was a member."""
    try:
        _NET.NetLocalGroupAddMembers(None, _group_name(group_sid), 3, [{"domainandname": account}])
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_MEMBER_IN_ALIAS:
            raise
        return False
    return True


def leave_group(group_sid: str, account: str) -> bool:
    """Remove an account from a local group; return False if it was no member or does not exist."""
    try:
        _NET.NetLocalGroupDelMembers(None, _group_name(group_sid), [account])
    except pywintypes.error as error:
        if error.winerror not in _NO_MEMBER:
            raise
        return False
    return True


def _group_name(sid: str) -> str:
    """Return the group's localized name."""
    name, _domain, _kind = win32security.LookupAccountSid(
        None, win32security.ConvertStringSidToSid(sid)
    )
    return name


def _owner(folder: Path) -> str:
    """Return the SID of a folder's owner as text."""
    descriptor = win32security.GetNamedSecurityInfo(
        str(folder), win32security.SE_FILE_OBJECT, win32security.OWNER_SECURITY_INFORMATION
    )
    return win32security.ConvertSidToStringSid(descriptor.GetSecurityDescriptorOwner())


def _own_sid() -> str:
    """Return the SID of this process' account as text."""
    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32con.TOKEN_QUERY)
    sid, _attributes = win32security.GetTokenInformation(token, win32security.TokenUser)
    return win32security.ConvertSidToStringSid(sid)
