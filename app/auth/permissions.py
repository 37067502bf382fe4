"""Who may read a file that holds a secret, where its mode tells."""

from __future__ import annotations

import os
import stat


def is_group_or_world_accessible(mode: int) -> bool:
    """Whether a mode lets more than the owner in; on Windows it says nothing: see the folder."""
    return os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
