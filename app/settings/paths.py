"""The folder of the persistent state: keys, settings and logs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    r"""Return the folder of this installation's state, which may not exist yet.

    It is `%ProgramData%\sa-contexts` on Windows. Elsewhere, it is `sa-contexts` in the folder for
    state that the XDG Base Directory Specification defines.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("ProgramData", r"C:\ProgramData")) / "sa-contexts"  # noqa: SIM112  # Windows' own spelling
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "sa-contexts"
