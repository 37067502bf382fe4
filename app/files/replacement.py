"""Atomic replacement of a file: readers see the old content or the new, never a part.

How a replacement works: the new content is written beside the file, given the file's permissions,
synced and renamed over it. Links are followed: the file is replaced, not the link. A replacement
that would change permissions or leave a hard link with the old content is rejected before anything
changes.
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
"""Pause between tries. Windows does not replace a file that is open for reading."""


class NotReplaceable(Exception):
    """The file cannot be replaced safely; the message says why."""


def target_of(path: Path) -> Path:
    """Resolve a path to its file, which need not exist unless the path is a link.

    Raises:
        NotReplaceable: a link in the path is dangling or circular, or another user owns or can
            write to its folder, and so could point the link at a file of their choice.
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
    """Return the folder of each link in a path, then the folder of the file if there is a link.

    Raises:
        OSError: the path has too many links (ELOOP).
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
    """Return who may own a folder with a link: root, this process' user, the target's owner."""
    owners = {0}
    if sys.platform != "win32":
        owners.add(os.geteuid())
    if target.exists():
        owners.add(target.stat().st_uid)
    return owners


def replace_file(path: Path, content: bytes) -> None:
    """Replace or create a file; the caller must hold a lock on it.

    An existing file keeps its permissions; a new one is accessible to its owner only, except on
    Windows, where it inherits the folder's DACL. A remnant of a crash is overwritten.

    Args:
        path: the file itself, as `target_of` returns it.
        content: the new content.

    Raises:
        NotReplaceable: its owner or permissions would change, or it has hard links.
        OSError: writing failed, for example on a full disk; the file is unchanged.
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
    """Sync a folder so that a rename survives a power failure; Windows has no such call."""
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
