"""Who may read and write a file, to be given to the file that replaces it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple


class AccessNotKept(Exception):
    """Some who may read or write the file could not do so any more, or others could; says why."""


class _Access(NamedTuple):
    """Who may do what with a file; its POSIX ACL is one of the extended attributes (acl(5))."""

    owner: int
    group: int
    mode: int
    attributes: dict[str, bytes]


def keep_access(path: Path, new: Path, opened: int) -> None:
    """Give a new file owner, group, mode, ACL and extended attributes of the one there is.

    On Windows that is the DACL, entries that are inherited and explicit ones; the owner is who
    changes the file.

    Args:
        path: of the file there is.
        new: of the new one.
        opened: the new one's descriptor.

    Raises:
        AccessNotKept: it could not be done wholly.
        OSError: the file there is cannot be read.
    """
    if sys.platform == "win32":
        _keep_dacl(path, new)
    else:
        _keep_rights(path, opened)


def _keep_rights(path: Path, new: int) -> None:
    if sys.platform != "win32":
        old = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            there = _access(old)
        finally:
            os.close(old)
        try:
            os.fchown(new, there.owner, there.group)
            _set_attributes(new, there.attributes)
            os.fchmod(new, there.mode)  # last, for an ACL changes the mode
            reason = None if _access(new) == there else "its permissions cannot be kept"
        except OSError as error:
            reason = error.strerror
        if reason is not None:
            raise AccessNotKept(
                f"{path} belongs to user {there.owner} and group {there.group} and would not any "
                f"more, or not as it does: {reason}; change it as that user or as root"
            )


def _access(file: int) -> _Access:
    found = os.fstat(file)
    return _Access(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), _attributes(file))


def _attributes(file: int) -> dict[str, bytes]:
    """Return a file's extended attributes; none where the system or the file system has none."""
    found: dict[str, bytes] = {}
    if sys.platform == "linux":
        try:
            for name in os.listxattr(file):
                found[name] = os.getxattr(file, name)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
    return found


def _set_attributes(file: int, wanted: dict[str, bytes]) -> None:
    """Let a file have these extended attributes and no others; its folder may have given some."""
    if sys.platform == "linux":
        present = _attributes(file)
        for name in present.keys() - wanted.keys():
            os.removexattr(file, name)
        for name, value in wanted.items():
            if present.get(name) != value:
                os.setxattr(file, name, value)


def _keep_dacl(path: Path, new: Path) -> None:
    """Copy the DACL as it is: SetFileSecurityW, other than SetNamedSecurityInfoW, inherits nothing.

    MoveFileExW leaves a file its DACL. ReplaceFileW would merge DACLs, but may leave neither file
    under the name when it fails (learn.microsoft.com, "ReplaceFileW function").
    """
    if sys.platform == "win32":
        import pywintypes  # noqa: PLC0415  # Windows only
        import win32security  # noqa: PLC0415

        kind = win32security.DACL_SECURITY_INFORMATION

        def entries(file: Path) -> str:
            """Return the entries in the string format (sddl.h), without the flags before them."""
            found = win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(
                win32security.GetFileSecurity(str(file), kind),
                win32security.SDDL_REVISION_1,
                kind,
            )
            return found.partition("(")[2]

        try:
            there = win32security.GetFileSecurity(str(path), kind)
            win32security.SetFileSecurity(str(new), kind, there)
            reason = None if entries(new) == entries(path) else "they would change"
        except pywintypes.error as error:
            reason = error.strerror
        if reason is not None:
            raise AccessNotKept(
                f"the permissions of {path} cannot be kept: {reason}; change it as an administrator"
            )
