"""Replacement of a file as a whole: a reader finds the old content or the new, never a part.

The new content is written beside the file, synced, given the file's own permissions and moved
over it. A path may lead to the file through links; what is replaced is the file, not a link. What
would leave readers with other content or other rights than before is refused, before anything is
changed.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple


MAX_TRIES: Final = 20
RETRY_SECONDS: Final = 0.05
"""Between two tries. Windows refuses to replace a file that somebody is reading."""
ERROR_UNABLE_TO_REMOVE_REPLACED: Final = 1175
"""ReplaceFileW (winbase.h): the file is in use; both files keep their names."""


class NotReplaceable(Exception):
    """The file is refused; says which, and why."""


class _Access(NamedTuple):
    """Who may do what with a file; its POSIX ACL is one of the extended attributes (acl(5))."""

    owner: int
    group: int
    mode: int
    attributes: dict[str, bytes]


def target_of(path: Path) -> Path:
    """Return the file that a path leads to, which need not exist unless the path is a link.

    Raises:
        NotReplaceable: a link leads nowhere, in a circle, or through a folder that others may
            write, who could have it lead to a file of their choice.
    """
    if not path.is_symlink():
        return Path(os.path.realpath(path))
    try:
        target = Path(os.path.realpath(path, strict=True))
        open_folders = [each for each in _folders(path) if _is_writable_by_others(each)]
    except OSError as error:
        raise NotReplaceable(f"{path} is a link that leads to no file: {error.strerror}") from None
    if open_folders:
        raise NotReplaceable(
            f"{path} is a link, and others may write {open_folders[0]}: remove that right, or name "
            f"{target} itself"
        )
    return target


def _folders(path: Path) -> Iterator[Path]:
    """Yield the folder of each link on the way to a file, and the file's own."""
    while path.is_symlink():
        yield path.parent
        path = path.parent / path.readlink()
    yield path.parent


def _is_writable_by_others(folder: Path) -> bool:
    is_open = folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return os.name == "posix" and bool(is_open)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file, or make it; whoever calls has a lock, so that no one else does the same.

    A file that there is keeps its owner, group, mode, ACL and extended attributes; a new one is
    its owner's alone, where the folder does not decide that, as on Windows. What a crash has left
    beside the file is overwritten.

    Args:
        path: of the file itself, as `target_of` gives it.
        content: what it holds afterwards.

    Raises:
        NotReplaceable: it would change hands, or keep its old content under another name.
        OSError: it cannot be written, as on a full disk; it is as before.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            if path.exists():
                _keep_access(path, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _move(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _keep_access(path: Path, new: int) -> None:
    """Give a new file all that says who may read and write the one there is.

    On Windows ReplaceFileW does it.
    """
    if sys.platform != "win32":
        old = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            names, there = os.fstat(old).st_nlink, _access(old)
        finally:
            os.close(old)
        if names > 1:
            raise NotReplaceable(
                f"{path} has {names} names (hard links), and only one would change"
            )
        try:
            os.fchown(new, there.owner, there.group)
            _set_attributes(new, there.attributes)
            os.fchmod(new, there.mode)  # last, for an ACL changes the mode
            reason = None if _access(new) == there else "its permissions cannot be kept"
        except OSError as error:
            reason = error.strerror
        if reason is not None:
            raise NotReplaceable(
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


def _move(new: Path, path: Path) -> None:
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            _move_once(new, path)
        except OSError as error:
            if not tries_left or not _is_in_use(error):
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def _is_in_use(error: OSError) -> bool:
    code = getattr(error, "winerror", None)
    return isinstance(error, PermissionError) or code == ERROR_UNABLE_TO_REMOVE_REPLACED


def _move_once(new: Path, path: Path) -> None:
    if sys.platform == "win32" and path.exists():
        import pywintypes  # noqa: PLC0415  # Windows only
        import win32file  # noqa: PLC0415

        try:
            # Keeps the DACL of what is replaced, which MoveFileExW would not
            # (learn.microsoft.com, "ReplaceFileW function").
            win32file.ReplaceFile(str(path), str(new), None, 0)
        except pywintypes.error as error:
            if not path.exists():  # ERROR_UNABLE_TO_MOVE_REPLACEMENT
                new.replace(path)
                raise NotReplaceable(
                    f"{path} was replaced, and who may read it may have changed: look at its "
                    f"permissions ({error.strerror})"
                ) from None
            raise OSError(0, error.strerror, str(path), error.winerror) from None
    else:
        new.replace(path)


def _sync(folder: Path) -> None:
    """Let a replacement outlive a failure of power; Windows has no such call for folders."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have no such call either (fsync(2))
            raise
    finally:
        os.close(opened)
