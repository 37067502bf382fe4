"""The settings file in TOML, whose keys are the names of the settings."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from app.files.reading import FileUnreadable, read_file
from app.settings.paths import state_folder


VARIABLE: Final = "SA_CONTEXTS_SETTINGS"
"""The environment variable with the path of the file."""
MAX_BYTES: Final = 1 << 20
"""Maximum size of the file."""


class SettingsFileError(Exception):
    """The settings file cannot be read or is not TOML; the message names the file and reason."""


def settings_file() -> Path | None:
    """Return the path of the settings file, or None if there is none.

    The path is the value of `VARIABLE`. If that is not set, the path on Windows is that of the file
    that `sa-contexts service install` creates, if the file exists.
    """
    if path := os.environ.get(VARIABLE):
        return Path(path)
    if sys.platform == "win32":
        default = state_folder() / "settings.toml"
        return default if default.exists() else None
    return None


def read_settings_file() -> dict[str, Any]:
    """Read the settings file; return an empty dict if there is none.

    Raises:
        SettingsFileError: the file cannot be read or is not TOML.
    """
    path = settings_file()
    if path is None:
        return {}
    try:
        text = read_file(path, MAX_BYTES).content.decode("utf-8-sig")  # Windows editors add a BOM
        return tomllib.loads(text)
    except FileUnreadable as error:
        raise SettingsFileError(f"cannot read the settings {path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsFileError(f"the settings {path} are not TOML: {error}") from None
