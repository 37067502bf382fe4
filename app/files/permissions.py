"""POSIX permissions of files that hold secrets."""

from __future__ import annotations

import os
import stat


def is_group_or_world_accessible(mode: int) -> bool:
    """Return whether a mode grants access beyond the owner; False on Windows, which uses DACLs."""
    return os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
