"""Control of the service through the service control manager (winsvc.h), using pywin32."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, cast

import pywintypes
import win32con
import win32service
import winerror

from app.telemetry.logging.event_log import add_source, remove_source
from app.windows_service.permissions import (
    FolderOwnerRejected,
    grant_service_logon,
    join_group,
    leave_group,
    make_folder,
    sid_of,
)
from app.windows_service.spec import (
    ACCOUNT,
    DEPENDENCIES,
    DESCRIPTION,
    DISPLAY_NAME,
    NAME,
    PRIVILEGES,
    READERS,
    RESET_SECONDS,
    RESTART_MILLISECONDS,
    STOP_MILLISECONDS,
    command_line,
    first_settings,
    folder_sddl,
    logs_sddl,
    service_sid,
)


TIMEOUT_SECONDS: Final = 60.0
"""Timeout for starting or stopping the service."""
POLL_SECONDS: Final = 0.1
GONE_SECONDS: Final = 10.0
RESTART: Final = "restart it to apply changes"
MARKED: Final = "marked for deletion until no program, such as the Services console, has it open"

SERVICE_SID_TYPE_UNRESTRICTED: Final = 1
"""Adds the service's SID to its token (SERVICE_SID_INFO, winsvc.h), so that permissions can name
the service under any account. SERVICE_SID_TYPE_RESTRICTED would also deny the service write access
to every object (not only files) whose permissions name none of the token's restricting SIDs."""

STATES: Final = {
    win32service.SERVICE_STOPPED: "stopped",
    win32service.SERVICE_START_PENDING: "starting",
    win32service.SERVICE_STOP_PENDING: "stopping",
    win32service.SERVICE_RUNNING: "running",
}
START_TYPES: Final = {
    win32service.SERVICE_AUTO_START: "automatic",
    win32service.SERVICE_DEMAND_START: "on demand",
    win32service.SERVICE_DISABLED: "disabled",
}


class ServiceError(Exception):
    """A step failed; the message names the step or the state of the service, and the cause."""


class NotInstalled(ServiceError):
    """The service is not installed."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status and configuration of the service.

    Attributes:
        state: a value of `STATES`, or the number of another state.
        process_id: the id of its process; 0 if it is not running.
        account: the account that it runs as.
        start_type: a value of `START_TYPES`, or the number of another type.
        command: its command line.
        exit_code: the Win32 error code with which it last ended or failed to start.
        own_exit_code: its own exit code, valid if `exit_code` is ERROR_SERVICE_SPECIFIC_ERROR.
    """

    state: str
    process_id: int
    account: str
    start_type: str
    command: str
    exit_code: int
    own_exit_code: int


def install(folder: Path, account: str, report: Callable[[str], None]) -> None:
    """Create the service, or update the existing one.

    Args:
        folder: the folder of its settings, keys and logs.
        account: the account to run as.
        report: called with sentences about the results.

    Raises:
        ServiceError: a step failed. The previous steps were undone, except the logon right, the
            permissions of existing folders and, if the service existed, its options and Event Log
            source.
    """
    with _opened_manager(win32service.SC_MANAGER_CREATE_SERVICE) as manager, ExitStack() as undo:
        with _step("create the service"):
            service, previous = _create(manager, command_line(folder), account, undo)
        report(f"the service {NAME} starts with Windows, as {account}")
        _configure(service, report)
        with _step("find the account"):
            sid = service_sid(NAME) if account == ACCOUNT else sid_of(account)
        if account != ACCOUNT:  # virtual accounts already have the right
            with _step("grant the account the right to log on as a service"):
                grant_service_logon(sid)
            report(f"{account} may log on as a service")
        with _step("add the account to Network Configuration Operators"):
            if join_group(READERS, account):
                undo.callback(leave_group, READERS, account)
        report(f"{account} is in Network Configuration Operators ({READERS})")
        if previous is not None and previous.lower() != account.lower():
            with _step("remove the previous account from Network Configuration Operators"):
                if leave_group(READERS, previous):
                    undo.callback(join_group, READERS, previous)
                    report(f"{previous}, its previous account, is no longer in that group")
        with _step("register it as an Event Log source"):
            add_source()
        if previous is None:
            undo.callback(remove_source)
        with _step(f"set the permissions of {folder}"):
            for each, sddl in ((folder, folder_sddl(sid)), (folder / "logs", logs_sddl(sid))):
                if make_folder(each, sddl):
                    undo.callback(each.rmdir)
        report(f"only the service, administrators and the system may access {folder}")
        settings = folder / "settings.toml"
        if not settings.exists():
            undo.callback(settings.unlink, missing_ok=True)  # a failed write may leave a part
            with _step(f"write {settings}"):
                settings.write_text(first_settings(folder), encoding="utf-8")
            report(f"its settings file is {settings}")
        is_running = _query(service)["CurrentState"] == win32service.SERVICE_RUNNING
        undo.pop_all()
        if is_running:
            report(f"it is still running with the old configuration; {RESTART}")
        win32service.CloseServiceHandle(service)


def start(report: Callable[[str], None]) -> None:
    """Start the service and wait until it is running.

    Args:
        report: called with a sentence if the service is already running.

    Raises:
        NotInstalled: the service is not installed.
        ServiceError: it ended (the Event Log says why), did not start in time, or a call failed.
    """
    with _opened(win32service.SERVICE_START | win32service.SERVICE_QUERY_STATUS) as service:
        if _query(service)["CurrentState"] == win32service.SERVICE_RUNNING:
            report(f"the service {NAME} is already running; {RESTART}")
            return
        with _step("start the service", ignored=winerror.ERROR_SERVICE_ALREADY_RUNNING):
            win32service.StartService(service, None)
        _wait_for(service, win32service.SERVICE_RUNNING, win32service.SERVICE_START_PENDING)


def stop() -> None:
    """Stop the service and wait until it has stopped.

    Raises:
        NotInstalled: the service is not installed.
        ServiceError: it did not stop in time, or a call failed.
    """
    with _opened(win32service.SERVICE_STOP | win32service.SERVICE_QUERY_STATUS) as service:
        # A service that is stopping accepts no control (ControlService, winsvc.h).
        if _query(service)["CurrentState"] != win32service.SERVICE_STOP_PENDING:
            with _step("stop the service", ignored=winerror.ERROR_SERVICE_NOT_ACTIVE):
                win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
        _wait_for(service, win32service.SERVICE_STOPPED, win32service.SERVICE_STOP_PENDING)


def status() -> Status:
    """Query the service's current status.

    Raises:
        NotInstalled: the service is not installed.
        ServiceError: the service cannot be opened or queried.
    """
    with _opened(win32service.SERVICE_QUERY_STATUS | win32service.SERVICE_QUERY_CONFIG) as service:
        found = _query(service)
        with _step("query the service's configuration"):
            config = win32service.QueryServiceConfig(service)
    state: int = found["CurrentState"]
    return Status(
        state=STATES.get(state, str(state)),
        process_id=found["ProcessId"],
        account=config[7],
        start_type=START_TYPES.get(config[1], str(config[1])),
        command=config[3],
        exit_code=found["Win32ExitCode"],
        own_exit_code=found["ServiceSpecificExitCode"],
    )


def remove(folder: Path | None, report: Callable[[str], None]) -> None:
    """Stop and delete the service, and remove its account from the group.

    Args:
        folder: the folder of its settings, keys and logs, which is deleted, too; None: keep it.
        report: called with sentences about the results.

    Raises:
        NotInstalled: the service is not installed.
        ServiceError: a step failed.
    """
    account = status().account
    stop()
    # First, because the name of a virtual account disappears with the service.
    with _step("remove the account from Network Configuration Operators"):
        leave_group(READERS, account)
    report(f"{account} is no longer in Network Configuration Operators")
    with _opened(win32con.DELETE) as service, _step("delete the service"):
        win32service.DeleteService(service)
    report(f"the service {NAME} is {'deleted' if _is_gone() else MARKED}")
    with _step("remove its Event Log source"):
        remove_source()
    if folder is not None and folder.exists():
        with _step(f"delete {folder}"):
            shutil.rmtree(folder)
        report(f"{folder} is deleted")


def _query(service: Any) -> dict[str, int]:
    with _step("query the service's status"):
        return cast(dict[str, int], win32service.QueryServiceStatusEx(service))


def _create(manager: Any, command: str, account: str, undo: ExitStack) -> tuple[Any, str | None]:
    """Create or update the service; return a handle with all rights, and its previous account.

    On failure, `undo` deletes a new service, or restores the configuration of an existing one.
    """
    kind = win32service.SERVICE_WIN32_OWN_PROCESS
    start, control = win32service.SERVICE_AUTO_START, win32service.SERVICE_ERROR_NORMAL
    all_access = win32service.SERVICE_ALL_ACCESS
    new_config = (command, None, False, list(DEPENDENCIES), account, None)
    try:
        created = win32service.CreateService(
            manager, NAME, DISPLAY_NAME, all_access, kind, start, control, *new_config
        )
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_SERVICE_EXISTS:
            raise
    else:
        undo.callback(win32service.CloseServiceHandle, created)
        undo.callback(win32service.DeleteService, created)
        return created, None
    existing = win32service.OpenService(manager, NAME, all_access)
    undo.callback(win32service.CloseServiceHandle, existing)
    old_kind, old_start, old_control, old_command, group, _tag, dependencies, old_account, title = (
        win32service.QueryServiceConfig(existing)
    )
    win32service.ChangeServiceConfig(existing, kind, start, control, *new_config, DISPLAY_NAME)
    old_config = (old_command, group, False, dependencies, old_account, None, title)
    undo.callback(
        win32service.ChangeServiceConfig, existing, old_kind, old_start, old_control, *old_config
    )
    return existing, old_account


def _configure(service: Any, report: Callable[[str], None]) -> None:
    """Set the options of ChangeServiceConfig2W; report and skip those that Windows lacks."""
    restart = (win32service.SC_ACTION_RESTART, RESTART_MILLISECONDS)
    failures = {
        "ResetPeriod": RESET_SECONDS,
        "RebootMsg": None,
        "Command": None,
        "Actions": [restart, restart, restart],
    }
    levels: tuple[tuple[str, int, Any], ...] = (
        ("description", win32service.SERVICE_CONFIG_DESCRIPTION, DESCRIPTION),
        ("delayed start", win32service.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, True),
        ("restart on failure", win32service.SERVICE_CONFIG_FAILURE_ACTIONS, failures),
        ("restart on error", win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True),
        ("own SID", win32service.SERVICE_CONFIG_SERVICE_SID_INFO, SERVICE_SID_TYPE_UNRESTRICTED),
        ("privileges", win32service.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, list(PRIVILEGES)),
        ("time to stop", win32service.SERVICE_CONFIG_PRESHUTDOWN_INFO, STOP_MILLISECONDS),
    )
    for name, level, value in levels:
        try:
            win32service.ChangeServiceConfig2(service, level, value)
        except pywintypes.error as error:
            if error.winerror != winerror.ERROR_INVALID_LEVEL:
                raise ServiceError(f"cannot set its {name}: {error.strerror}") from None
            report(f"this version of Windows does not support: {name}")


def _wait_for(service: Any, state: int, pending: int) -> None:
    deadline = monotonic() + TIMEOUT_SECONDS
    while True:
        found = _query(service)
        if found["CurrentState"] == state:
            return
        if found["CurrentState"] != pending:
            raise ServiceError(
                f"the service is {STATES.get(found['CurrentState'], 'in another state')}, with "
                f"exit code {found['Win32ExitCode']} and its own "
                f"{found['ServiceSpecificExitCode']}; "
                f"the Event Log (Application, source {NAME}) says why"
            )
        if monotonic() > deadline:
            raise ServiceError(f"the service is still {STATES[pending]}")
        sleep(POLL_SECONDS)


def _is_gone() -> bool:
    """Wait up to `GONE_SECONDS` for a deleted service to be gone; return whether it is."""
    deadline = monotonic() + GONE_SECONDS
    while monotonic() < deadline:
        try:
            status()
        except NotInstalled:
            return True
        sleep(POLL_SECONDS)
    return False


@contextmanager
def _opened_manager(access: int) -> Iterator[Any]:
    with _step("open the service control manager"):
        manager = win32service.OpenSCManager(None, None, access | win32service.SC_MANAGER_CONNECT)
    try:
        yield manager
    finally:
        win32service.CloseServiceHandle(manager)


@contextmanager
def _opened(access: int) -> Iterator[Any]:
    """Open the service for the duration of the block.

    Raises:
        NotInstalled: the service is not installed.
        ServiceError: it cannot be opened.
    """
    with _opened_manager(win32service.SC_MANAGER_CONNECT) as manager:
        try:
            service = win32service.OpenService(manager, NAME, access)
        except pywintypes.error as error:
            if error.winerror == winerror.ERROR_SERVICE_DOES_NOT_EXIST:
                raise NotInstalled(f"there is no service {NAME}") from None
            raise ServiceError(f"cannot open the service: {error.strerror}") from None
        try:
            yield service
        finally:
            win32service.CloseServiceHandle(service)


@contextmanager
def _step(name: str, ignored: int = 0) -> Iterator[None]:
    """Raise `ServiceError` with the step's name if the block fails; ignore the code `ignored`."""
    try:
        yield
    except pywintypes.error as error:
        if error.winerror != ignored:
            raise ServiceError(f"cannot {name}: {error.strerror} ({error.winerror})") from None
    except (OSError, FolderOwnerRejected) as error:
        raise ServiceError(f"cannot {name}: {error}") from None
