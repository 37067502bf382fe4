"""The process of the service, which the service control manager starts and stops."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import pywintypes
import servicemanager
import structlog
import win32service
import win32serviceutil
import winerror

from app.bootstrap import STARTUP_ERRORS, build_server, explain
from app.server.binding import BoundServer
from app.settings.model import Settings
from app.telemetry.call_notes import service_log_file
from app.telemetry.logging.configuration import audit_log_file, configure_logging, log_file
from app.windows_service.spec import DISPLAY_NAME, NAME
from bindings.errors import LibraryError


log = structlog.get_logger(__name__)

START_MILLISECONDS: Final = 30_000
"""`dwWaitHint` for starting (winsvc.h): the estimated time until the service listens."""
STOP_MILLISECONDS: Final = 12_000
"""`dwWaitHint` for stopping: requests in progress have 10 s (app/server/uvicorn_server.py)."""
CANNOT_START_CODE: Final = 1
"""The service-specific exit code if the server cannot start; the log says why."""


class NotStartedAsService(Exception):
    """The process was not started by the service control manager."""


class Hosted(win32serviceutil.ServiceFramework):
    """The server as a service; the methods for controls run in another thread than `SvcRun`."""

    _svc_name_ = NAME
    _svc_display_name_ = DISPLAY_NAME

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self._serving: BoundServer | None = None
        self._stop_requested = False

    def GetAcceptedControls(self) -> int:  # noqa: N802  # pywin32's name
        """Accept stop, and preshutdown, which Windows sends before it shuts other services down."""
        return win32service.SERVICE_ACCEPT_STOP | win32service.SERVICE_ACCEPT_PRESHUTDOWN

    def SvcRun(self) -> None:  # noqa: N802  # pywin32's name
        """Serve until stopped; report SERVICE_RUNNING once the socket listens."""
        self.ReportServiceStatus(win32service.SERVICE_START_PENDING, START_MILLISECONDS)
        try:
            self._serving = _prepare()
        except STARTUP_ERRORS as error:
            log.critical("startup_failed", reason=explain(error))
            self._end(CANNOT_START_CODE)
        self.ReportServiceStatus(win32service.SERVICE_RUNNING)
        if self._stop_requested:
            self._serving.server.stop()
        try:
            self._serving.run(in_console=False)
        except SystemExit:
            self._end(CANNOT_START_CODE)

    def SvcStop(self) -> None:  # noqa: N802  # pywin32's name
        """Request the server to stop; do not wait for it."""
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, STOP_MILLISECONDS)
        self._stop_requested = True
        if self._serving is not None:
            self._serving.server.stop()

    def SvcOtherEx(self, control: int, event: int, given: Any) -> None:  # noqa: ARG002, N802
        """Handle the preshutdown control."""
        if control == win32service.SERVICE_CONTROL_PRESHUTDOWN:
            self.SvcStop()

    def _end(self, code: int) -> NoReturn:
        logging.shutdown()  # flush the reason before reporting the end
        self.ReportServiceStatus(
            win32service.SERVICE_STOPPED,
            win32ExitCode=winerror.ERROR_SERVICE_SPECIFIC_ERROR,
            svcExitCode=code,
        )
        os._exit(code)  # otherwise pywin32 reports SERVICE_STOPPED again, with code 0


def run() -> None:
    """Run the service until it ends.

    Raises:
        NotStartedAsService: the service control manager did not start this process.
    """
    servicemanager.Initialize(NAME, None)
    servicemanager.PrepareToHostSingle(Hosted)
    try:
        servicemanager.StartServiceCtrlDispatcher()  # type: ignore[no-untyped-call]
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT:
            raise
        raise NotStartedAsService(
            "`service run` is for the service control manager; use `service start` or `serve`"
        ) from None


def _prepare() -> BoundServer:
    configure_logging("text", "info", event_log=True)  # so that errors in the settings are logged
    no_options: dict[str, Any] = {}
    settings = Settings(**no_options)
    log_path = settings.log_file or service_log_file()
    file = log_file(settings, log_path)
    audit = audit_log_file(settings, file)
    configure_logging(
        settings.log_format, settings.log_level, file=file, audit=audit, event_log=True
    )
    if settings.library is not None and not settings.allow_library_in_service:
        raise LibraryError(
            f"the setting library names {settings.library}; a service loads a library other than "
            "the system's only if allow_library_in_service is set, too"
        )
    return build_server(settings, log_path)
