"""Changes to the file of API keys: made under a lock, atomic and verified."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from app.auth.key_file import KEY_BYTES, KeyFile, KeysUnreadable, keys_text, read_keys
from app.files.replacement import NotReplaceable, replace_file, target_of


LOCK_TIMEOUT_SECONDS: Final = 10.0


class KeysBusy(Exception):
    """Another program is changing the file."""


def change_keys(path: Path, change: Callable[[KeyFile], KeyFile]) -> None:
    """Apply a change to the key file; create the file and its folder if they do not exist.

    Symbolic links are followed, as the server follows them. The file is read again afterwards to
    verify that it holds the change.

    Args:
        path: the key file.
        change: returns the new content, given the current content.

    Raises:
        KeysBusy: another program holds the lock for `LOCK_TIMEOUT_SECONDS`.
        KeysUnreadable: the file cannot be read or replaced, or does not hold the change afterwards.
    """
    try:
        target = target_of(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(target):
            before = (
                read_keys(target)
                if target.exists()
                else KeyFile(secret=secrets.token_hex(KEY_BYTES))
            )
            after = change(before)
            replace_file(target, keys_text(after, path))
            if read_keys(path) != after:
                raise KeysUnreadable(f"{path} does not hold what was written; something changed it")
    except Timeout:
        raise KeysBusy(
            f"another program has been changing {path} for {LOCK_TIMEOUT_SECONDS:g} s"
        ) from None
    except NotReplaceable as error:
        raise KeysUnreadable(str(error)) from None
    except OSError as error:  # such as a full disk
        raise KeysUnreadable(f"cannot change {path}: {error.strerror}") from None


def _lock(target: Path) -> FileLock:
    """Return an operating system lock on a file beside the target.

    The lock ends with the process that holds it, but the lock file remains. Except on Windows, the
    lock file is given to the owner of the key file, who could not open one that belongs to root.
    """

    def give_to_owner(lock: int) -> None:
        if sys.platform != "win32" and target.exists():
            with suppress(OSError):
                owner = target.stat()
                os.fchown(lock, owner.st_uid, owner.st_gid)

    return FileLock(
        target.with_name(f"{target.name}.lock"),
        LOCK_TIMEOUT_SECONDS,
        0o600,
        fallback_to_soft=False,  # a soft lock left by a crash would block all changes
        on_acquired=give_to_owner,
    )
