"""The service's process: what the service control manager starts and stops."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import pywintypes
import servicemanager
import structlog
import win32service
import win32serviceutil
import winerror

from app.bootstrap import STARTUP_ERRORS, BoundServer, build_server, explain
from app.settings.file import settings_file
from app.settings.model import Settings
from app.settings.paths import state_folder
from app.telemetry.logging.configuration import configure_logging, log_file
from app.windows_service.spec import DISPLAY_NAME, NAME


log = structlog.get_logger(__name__)

START_MILLISECONDS: Final = 30_000
"""How long the service may take to begin to listen."""
STOP_MILLISECONDS: Final = 12_000
"""How long it may take to end: requests under way have 10 s (app/server/uvicorn_server.py)."""
CANNOT_START_CODE: Final = 1
"""The service's own exit code; the log says why."""


class LibraryRefused(Exception):
    """The settings name a library, and a service loads none but the system's unless told twice."""


class NotStartedAsService(Exception):
    """Only the service control manager starts a service's process."""


class Hosted(win32serviceutil.ServiceFramework):
    """The server, as a service. Its controls come on another thread than it runs on."""

    _svc_name_ = NAME
    _svc_display_name_ = DISPLAY_NAME

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self._serving: BoundServer | None = None
        self._is_told_to_stop = False

    def GetAcceptedControls(self) -> int:  # noqa: N802  # pywin32's
        """What it is told of: to stop, and that Windows shuts down, before others know."""
        return win32service.SERVICE_ACCEPT_STOP | win32service.SERVICE_ACCEPT_PRESHUTDOWN

    def SvcRun(self) -> None:  # noqa: N802  # the same
        """Serve until told to stop; running is told once the port is taken."""
        self.ReportServiceStatus(win32service.SERVICE_START_PENDING, START_MILLISECONDS)
        try:
            self._serving = _prepare()
        except (*STARTUP_ERRORS, LibraryRefused) as error:
            reason = str(error) if isinstance(error, LibraryRefused) else explain(error)
            log.critical("cannot_start", reason=reason)
            self._end(CANNOT_START_CODE)
        self.ReportServiceStatus(win32service.SERVICE_RUNNING)
        if self._is_told_to_stop:
            self._serving.server.stop()
        try:
            self._serving.run(in_console=False)
        except SystemExit:
            self._end(CANNOT_START_CODE)

    def SvcStop(self) -> None:  # noqa: N802  # the same
        """Have it end soon."""
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, STOP_MILLISECONDS)
        self._is_told_to_stop = True
        if self._serving is not None:
            self._serving.server.stop()

    def SvcOtherEx(self, control: int, event: int, given: Any) -> None:  # noqa: ARG002, N802
        """Take what is not an everyday control."""
        if control == win32service.SERVICE_CONTROL_PRESHUTDOWN:
            self.SvcStop()

    def _end(self, code: int) -> NoReturn:
        logging.shutdown()  # whoever is told that it ended finds out why
        self.ReportServiceStatus(
            win32service.SERVICE_STOPPED,
            win32ExitCode=winerror.ERROR_SERVICE_SPECIFIC_ERROR,
            svcExitCode=code,
        )
        os._exit(code)  # else pywin32 reports once more that it stopped, with code 0


def run() -> None:
    """Be the service, until it has ended; only what the service control manager starts can."""
    servicemanager.Initialize(NAME, None)
    servicemanager.PrepareToHostSingle(Hosted)
    try:
        servicemanager.StartServiceCtrlDispatcher()  # type: ignore[no-untyped-call]
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT:
            raise
        raise NotStartedAsService(
            "`service run` is for the service control manager; say `service start`, or `serve`"
        ) from None


def _folder() -> Path:
    named = settings_file()
    return named.parent if named else state_folder()


def _prepare() -> BoundServer:
    configure_logging("text", "info", event_log=True)  # tells what is wrong with the settings
    no_options: dict[str, Any] = {}
    settings = Settings(**no_options)
    # Where `service install` made the folder, which need not be where this environment has it.
    file = log_file(settings, _folder() / "logs" / "sa-contexts.log")
    configure_logging(settings.log_format, settings.log_level, file=file, event_log=True)
    if settings.library is not None and not settings.library_in_service:
        raise LibraryRefused(
            f"the setting library names {settings.library}; a service loads another library than "
            "the system's only where library_in_service is set, too"
        )
    return build_server(settings)
