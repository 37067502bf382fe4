"""The input of the checks: the settings, and the library and engine that the settings select."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.service import open_library
from app.settings.file import SettingsFileError
from app.settings.model import Settings
from app.telemetry.call_notes import existing_call_notes_file
from bindings.call_notes import Deaths, deaths_in, map_file
from bindings.errors import EngineError, LibraryError
from bindings.library import Library
from bindings.session import Session


PREFIX: Final = "SA_CONTEXTS_"
NO_SETTINGS: Final = frozenset({"SETTINGS", "TOKEN", "URL"})
"""Variables that are known but are not settings; named without the prefix."""


class CheckSkipped(Exception):
    """A check is impossible; the message says why or names the check that reports the cause."""


class DoctorContext:
    """The input of every check.

    Attributes:
        settings: the settings, with defaults for invalid ones.
        invalid: why settings are invalid, by name; without their values, which may be secret.
        unknown: environment variables that look like settings but are not.
        listen_seconds: how long to wait for notifications; 0: not at all.
        may_probe: whether a probe may make calls that could crash the process that makes them.
    """

    def __init__(
        self, options: dict[str, Any], *, listen_seconds: float = 0, may_probe: bool = False
    ) -> None:
        self.settings, self.invalid = read_settings(options)
        known = {name.upper() for name in Settings.model_fields} | NO_SETTINGS
        self.unknown = sorted(
            name
            for name in os.environ
            if name.upper().startswith(PREFIX) and name.upper().removeprefix(PREFIX) not in known
        )
        self.listen_seconds = listen_seconds
        self.may_probe = may_probe

    @cached_property
    def library(self) -> Library | LibraryError:
        """The library, or the error if it cannot be loaded."""
        try:
            return open_library(self.settings)
        except LibraryError as error:
            return error

    @cached_property
    def deaths(self) -> Mapping[str, Deaths]:
        """The deaths of servers with these settings, by the resource that they were reading.

        Raises:
            CheckSkipped: the notes cannot be read.
        """
        file = existing_call_notes_file(self.settings)
        if file is None:
            return {}
        try:
            with map_file(file) as mapped:
                return deaths_in(mapped)
        except OSError as error:
            raise CheckSkipped(f"The call notes {file} cannot be read: {error.strerror}.") from None

    @cached_property
    def unreadable(self) -> Sequence[str]:
        """The resources that the server does not read, because reading them ended it."""
        now = time.time()
        try:
            return [name for name, deaths in self.deaths.items() if deaths.seconds_left(now)]
        except CheckSkipped:
            return []

    def loaded_library(self) -> Library:
        """Return the library.

        Raises:
            CheckSkipped: it cannot be loaded.
        """
        if isinstance(self.library, LibraryError):
            raise CheckSkipped("The library cannot be loaded: see `library`.")
        return self.library

    def open_session(self) -> Session:
        """Open another session, so that a session that hangs blocks no other check.

        Raises:
            CheckSkipped: the library cannot be loaded.
            EngineError: the engine cannot be opened.
        """
        return Session(
            self.loaded_library(),
            transaction_wait_timeout_ms=self.settings.transaction_wait_timeout_ms,
        )

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session for the duration of the block.

        Raises:
            CheckSkipped: no session can be opened.
        """
        try:
            session = self.open_session()
        except EngineError:
            raise CheckSkipped("The engine cannot be opened: see `session`.") from None
        with session:
            yield session


class _Lenient(Settings):
    """Settings that ignore unknown names."""

    model_config = SettingsConfigDict(extra="ignore")


class _WithoutFile(_Lenient):
    """Settings that ignore unknown names and the settings file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the command line and the environment as the only sources."""
        return init_settings, env_settings


def read_settings(options: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Read the settings.

    Returns:
        The settings, with defaults instead of invalid values; and why settings are invalid, by
        name.
    """
    invalid: dict[str, str] = {}
    lenient: type[Settings] = _Lenient
    try:
        return Settings(**options), invalid
    except SettingsFileError as error:
        invalid["settings"] = str(error)
        lenient = _WithoutFile
    except ValidationError as error:
        invalid = _reasons(error)
    try:
        return lenient(**options | _defaults(invalid)), invalid
    except ValidationError as error:  # errors that occur only without the file or with defaults
        invalid = _reasons(error) | invalid
    try:
        return lenient(**options | _defaults(invalid)), invalid
    except ValidationError:  # an invalid combination, even with defaults
        return Settings.model_construct(**options | _defaults(invalid)), invalid


def _reasons(error: ValidationError) -> dict[str, str]:
    """Return why settings are invalid, by name; without their values."""
    return {
        ".".join(map(str, entry["loc"])) or "settings": entry["msg"].removeprefix("Value error, ")
        for entry in error.errors(include_input=False, include_context=False)
    }


def _defaults(invalid: dict[str, str]) -> dict[str, Any]:
    names = {name.partition(".")[0] for name in invalid} & set(Settings.model_fields)
    return {name: Settings.model_fields[name].get_default() for name in names}
