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
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.auth.file_access import AccessNotKept, keep_access


MAX_TRIES: Final = 20
RETRY_SECONDS: Final = 0.05
"""Pause between tries. Windows does not replace a file that is open for reading."""


class NotReplaceable(Exception):
    """The file cannot be replaced safely; the message says why."""


def target_of(path: Path) -> Path:
    """Resolve a path to its file, which need not exist unless the path is a link.

    Raises:
        NotReplaceable: a link is dangling or circular, or lies in a folder that others can write
            and so could point at a file of their choice.
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
    """Yield the folder of each link in a chain, and the file's own."""
    while path.is_symlink():
        yield path.parent
        path = path.parent / path.readlink()
    yield path.parent


def _is_writable_by_others(folder: Path) -> bool:
    is_open = folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return os.name == "posix" and bool(is_open)


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
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            if path.exists():
                _reject_hard_links(path)
                keep_access(path, new, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _move(new, path)
    except BaseException as error:
        with suppress(OSError):
            new.unlink()
        if isinstance(error, AccessNotKept):
            raise NotReplaceable(str(error)) from None
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
