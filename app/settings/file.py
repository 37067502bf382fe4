"""The file of settings: TOML, with the settings' own names."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from app.settings.paths import state_folder


VARIABLE: Final = "SA_CONTEXTS_SETTINGS"
"""The environment variable that names the file."""


class SettingsFileError(Exception):
    """The file is missing, out of reach, or not TOML; says which file, and why."""


def settings_file() -> Path | None:
    """The file that is to be read.

    It is named by the environment; on Windows, where the environment names none, it is the one
    that `sa-contexts service install` makes. None where there is none.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        usual = state_folder() / "settings.toml"
        return usual if usual.exists() else None
    return None


def read_settings_file() -> dict[str, Any]:
    """What the file says; nothing where there is none.

    Raises:
        SettingsFileError: it cannot be read.
    """
    path = settings_file()
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # as editors on Windows write it
    except OSError as error:
        raise SettingsFileError(f"cannot read the settings {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsFileError(f"the settings {path} are not TOML: {error}") from None
