"""Copying a file's owner and permissions to the file that replaces it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple


class AccessNotKept(Exception):
    """The owner or the permissions of a file cannot be copied; the message says why."""


class _Access(NamedTuple):
    """A file's owner and permissions; `attributes` includes its POSIX ACL (acl(5))."""

    owner: int
    group: int
    mode: int
    attributes: dict[str, bytes]


def keep_access(path: Path, new: Path, opened: int) -> None:
    """Copy owner, group, mode, ACL and extended attributes from a file to its replacement.

    On Windows, copy only the DACL, with its inherited and explicit entries. The replacement keeps
    the owner with which it was created.

    Args:
        path: the existing file.
        new: the replacement.
        opened: the replacement's descriptor.

    Raises:
        AccessNotKept: the owner or the permissions cannot be copied completely.
        OSError: the existing file cannot be read.
    """
    if sys.platform == "win32":
        _keep_dacl(path, new)
    else:
        _keep_rights(path, opened)


def _keep_rights(path: Path, new: int) -> None:
    if sys.platform != "win32":
        old = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            access = _access(old)
        finally:
            os.close(old)
        try:
            os.fchown(new, access.owner, access.group)
            _set_attributes(new, access.attributes)
            os.fchmod(new, access.mode)  # last, because setting an ACL changes the mode
            reason = None if _access(new) == access else "its permissions cannot be kept"
        except OSError as error:
            reason = error.strerror
        if reason is not None:
            raise AccessNotKept(
                f"{path} belongs to user {access.owner} and group {access.group}, and its owner or "
                f"permissions would change: {reason}; change it as that user or as root"
            )


def _access(file: int) -> _Access:
    status = os.fstat(file)
    return _Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), _attributes(file))


def _attributes(file: int) -> dict[str, bytes]:
    """Return a file's extended attributes; none if the system does not support them."""
    attributes: dict[str, bytes] = {}
    if sys.platform == "linux":
        try:
            for name in os.listxattr(file):
                attributes[name] = os.getxattr(file, name)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
    return attributes


def _set_attributes(file: int, wanted: dict[str, bytes]) -> None:
    """Set these extended attributes; remove others, which a file may inherit from its folder."""
    if sys.platform == "linux":
        present = _attributes(file)
        for name in present.keys() - wanted.keys():
            os.removexattr(file, name)
        for name, value in wanted.items():
            if present.get(name) != value:
                os.setxattr(file, name, value)


def _keep_dacl(path: Path, new: Path) -> None:
    """Copy the DACL unchanged.

    SetNamedSecurityInfoW would add entries inherited from the folder; SetFileSecurityW does not.
    MoveFileExW, which then renames the file, keeps the DACL. ReplaceFileW is not used, because it
    may leave no file of that name if it fails (learn.microsoft.com, "ReplaceFileW function").
    """
    if sys.platform == "win32":
        import pywintypes  # noqa: PLC0415  # Windows only
        import win32security  # noqa: PLC0415

        kind = win32security.DACL_SECURITY_INFORMATION

        def entries(file: Path) -> str:
            """Return the DACL's entries as SDDL (sddl.h), without its flags."""
            sddl = win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(
                win32security.GetFileSecurity(str(file), kind),
                win32security.SDDL_REVISION_1,
                kind,
            )
            return sddl.partition("(")[2]

        try:
            descriptor = win32security.GetFileSecurity(str(path), kind)
            win32security.SetFileSecurity(str(new), kind, descriptor)
            reason = None if entries(new) == entries(path) else "they would change"
        except pywintypes.error as error:
            reason = error.strerror
        if reason is not None:
            raise AccessNotKept(
                f"the permissions of {path} cannot be kept: {reason}; change it as an administrator"
            )
