"""Creation of a file at a path that must not exist."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def create_file(
    path: Path, content: bytes, prepare: Callable[[int], None] = lambda _descriptor: None
) -> None:
    """Create a file that only its owner can access; on Windows, it inherits the folder's DACL.

    Args:
        path: the file.
        content: its content, which is synced to the disk.
        prepare: called with the descriptor of the empty file before the content is written.

    Raises:
        FileExistsError: the path exists, even if it is a dangling link.
        OSError: writing failed, for example on a full disk; the new file was deleted.
    """
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            prepare(file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
