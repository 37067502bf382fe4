"""Atomic replacement of a file: readers see either all of the old content or all of the new.

How a replacement works: a new file in the same folder gets the permissions of the old file and then
the new content. It is synced and renamed over the old file. Symbolic links are followed: the file
is replaced, not the link. If the permissions would change or the file has several hard links, the
replacement is rejected and the file stays unchanged.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.files.access import AccessNotKept, keep_access
from app.files.creation import create_file


MAX_TRIES: Final = 20
MAX_LINKS: Final = 40
"""Maximum number of symbolic links in a path, as in Linux (path_resolution(7))."""
RETRY_SECONDS: Final = 0.05
"""Pause between tries, which Windows needs: it does not replace a file that is being read."""


class NotReplaceable(Exception):
    """The file cannot be replaced safely; the message says why."""


def target_of(path: Path) -> Path:
    """Resolve a path to its file. The file need not exist, unless the path itself is a link.

    Raises:
        NotReplaceable: the path is a dangling link or contains circular links; or, on POSIX, it
            contains links and another user could make it lead to a file of their choice, because
            the folder of a link or of the file is writable by others or does not belong to one of
            `_trusted_owners`.
    """
    try:
        target = Path(os.path.realpath(path, strict=path.is_symlink()))
        folders = [*_folders(path)]
        trusted = _trusted_owners(target)
    except OSError as error:
        raise NotReplaceable(f"{path} is a link that leads to no file: {error.strerror}") from None
    for folder in folders if os.name == "posix" else ():
        found = folder.stat()
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            reason, way_out = f"others may write {folder}", "remove that right"
        elif found.st_uid not in trusted:
            reason, way_out = f"{folder} belongs to user {found.st_uid}", "change its owner"
        else:
            continue
        raise NotReplaceable(
            f"{path} is or passes a link, and {reason}: {way_out}, or name {target} itself"
        )
    return target


def _folders(path: Path) -> list[Path]:
    """Return the folder of each link in a path and, if there are links, the folder of the file.

    Raises:
        OSError: the path has more than `MAX_LINKS` links (ELOOP).
    """
    folders: list[Path] = []
    path = Path.cwd() / path
    reached, parts = Path(path.anchor), [*path.parts[1:]]
    while parts:
        part = parts.pop(0)
        step = reached.parent if part == ".." else reached / part  # `reached` has no links
        if not step.is_symlink():
            reached = step
            continue
        folders.append(reached)
        if len(folders) > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = step.readlink()
        if target.is_absolute():
            reached = Path(target.anchor)
        parts = [part for part in target.parts if part != target.anchor] + parts
    if folders and reached.parent.exists():
        folders.append(reached.parent)
    return folders


def _trusted_owners(target: Path) -> set[int]:
    """Return which users may own the folders: root, this process' user, and the target's owner."""
    owners = {0}
    if sys.platform != "win32":
        owners.add(os.geteuid())
    if target.exists():
        owners.add(target.stat().st_uid)
    return owners


def replace_file(path: Path, content: bytes) -> None:
    """Replace or create a file; the caller must hold a lock on it.

    An existing file keeps its permissions. Only the owner can access a new one, except on Windows,
    where it inherits the folder's DACL. A temporary file left by a crash is deleted.

    Args:
        path: the file itself, as `target_of` returns it.
        content: the new content.

    Raises:
        NotReplaceable: the file's owner or permissions would change, or it has several hard links.
        OSError: writing failed, for example on a full disk. The file is unchanged, unless only the
            sync of its folder failed.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)

    def keep_access_of_old(descriptor: int) -> None:
        if path.exists():
            _reject_hard_links(path)
            keep_access(path, new, descriptor)

    try:
        create_file(new, content, keep_access_of_old)
    except AccessNotKept as error:
        raise NotReplaceable(str(error)) from None
    try:
        _move(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    _sync(path.parent)


def _reject_hard_links(path: Path) -> None:
    names = path.stat().st_nlink
    if names > 1:
        raise NotReplaceable(f"{path} has {names} names (hard links), and only one would change")


def _move(new: Path, path: Path) -> None:
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            new.replace(path)
        except PermissionError:
            if not tries_left:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def _sync(folder: Path) -> None:
    """Sync a folder, so that a rename survives a power failure; do nothing on Windows."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync folders (fsync(2))
            raise
    finally:
        os.close(opened)
