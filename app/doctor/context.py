"""What is examined: the settings, and the library and the engine that they lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.service import open_library
from app.settings.file import SettingsFileError
from app.settings.model import Settings
from bindings.errors import EngineError, LibraryError
from bindings.library import Library
from bindings.session import Session


PREFIX: Final = "SA_CONTEXTS_"
NO_SETTINGS: Final = frozenset({"SETTINGS"})
"""Variables with the prefix that are none of the settings, and known."""


class CheckSkipped(Exception):
    """A check cannot be made, for the reason that it says; what is in the way has its own check."""


class DoctorContext:
    """What checks look at, each of which may look at all of it.

    Attributes:
        settings: as they are given, with defaults for those that are not valid.
        invalid: why a setting is not valid, by its name; never its value, which may be secret.
        unknown: variables that look like settings, and are none.
        listen_seconds: how long to wait for changes to be announced; 0: not at all.
        may_probe: whether calls may be made that could end the process that makes them.
    """

    def __init__(
        self, given: dict[str, Any], *, listen_seconds: float = 0, may_probe: bool = False
    ) -> None:
        self.settings, self.invalid = read_settings(given)
        known = {name.upper() for name in Settings.model_fields} | NO_SETTINGS
        self.unknown = sorted(
            name
            for name in os.environ
            if name.upper().startswith(PREFIX) and name.upper().removeprefix(PREFIX) not in known
        )
        self.listen_seconds = listen_seconds
        self.may_probe = may_probe

    @cached_property
    def _opened(self) -> Library | LibraryError:
        try:
            return open_library(self.settings)
        except LibraryError as error:
            return error

    @property
    def library(self) -> Library | None:
        """The library; None where none can be loaded."""
        return self._opened if isinstance(self._opened, Library) else None

    @property
    def library_error(self) -> LibraryError | None:
        """Why there is none."""
        return self._opened if isinstance(self._opened, LibraryError) else None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of the one who asks, so that one that hangs is in nobody's way.

        Raises:
            Unexamined: there is none to be had.
        """
        if self.library is None:
            raise CheckSkipped("There is no library to ask: see `library`.")
        try:
            session = Session(self.library, transaction_wait_ms=self.settings.transaction_wait_ms)
        except EngineError:
            raise CheckSkipped("The engine could not be opened: see `session`.") from None
        with session:
            yield session


class _Lenient(Settings):
    """The settings, whatever else is said beside them."""

    model_config = SettingsConfigDict(extra="ignore")


class _WithoutFile(_Lenient):
    """The same, without the file of settings."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line and the environment."""
        return init_settings, env_settings


def read_settings(given: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """The settings, and why some are not valid, for which defaults stand in."""
    invalid: dict[str, str] = {}
    lenient: type[Settings] = _Lenient
    try:
        return Settings(**given), invalid
    except SettingsFileError as error:
        invalid["settings"] = str(error)
        lenient = _WithoutFile
    except ValidationError as error:
        invalid = _reasons(error)
    try:
        return lenient(**given | _defaults(invalid)), invalid
    except ValidationError as error:  # what shows only without the file or with these defaults
        invalid = _reasons(error) | invalid
    try:
        return lenient(**given | _defaults(invalid)), invalid
    except ValidationError:  # what only several settings together make bad
        return Settings.model_construct(**given | _defaults(invalid)), invalid


def _reasons(error: ValidationError) -> dict[str, str]:
    """Why settings are not valid, by their names, without what was given."""
    return {
        ".".join(map(str, entry["loc"])) or "settings": entry["msg"].removeprefix("Value error, ")
        for entry in error.errors(include_input=False, include_context=False)
    }


def _defaults(invalid: dict[str, str]) -> dict[str, Any]:
    names = {name.partition(".")[0] for name in invalid} & set(Settings.model_fields)
    return {name: Settings.model_fields[name].get_default() for name in names}
