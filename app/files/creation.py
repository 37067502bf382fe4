"""Creation of a file that must not exist."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def create_file(path: Path, content: bytes) -> None:
    """Create a file that only its owner can access; on Windows, it inherits the folder's DACL.

    Raises:
        FileExistsError: the path exists, if only as a link.
        OSError: writing failed, for example on a full disk; no file is left.
    """
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
