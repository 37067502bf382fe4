"""The service control manager's own functions (winsvc.h), through pywin32."""

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
    FolderRefused,
    allow_to_be_a_service,
    join_group,
    leave_group,
    make_folder,
    sid_of,
)
from app.windows_service.spec import (
    ACCOUNT,
    DESCRIPTION,
    DISPLAY_NAME,
    NAME,
    NEEDS,
    PRIVILEGES,
    READERS,
    RESET_SECONDS,
    RESTART_MILLISECONDS,
    STOP_MILLISECONDS,
    ServiceSpec,
    first_settings,
    folder_sddl,
    logs_sddl,
    service_sid,
)


TIMEOUT_SECONDS: Final = 60.0
"""How long a service may take to begin or to end."""
POLL_SECONDS: Final = 0.1
GONE_SECONDS: Final = 10.0
RESTART: Final = "restart it for what has changed since to take effect"
MARKED: Final = "to be deleted as soon as no program, such as the console Services, has it open"

SERVICE_SID_TYPE_UNRESTRICTED: Final = 1
"""Its SID is in its token (SERVICE_SID_INFO, winsvc.h), so that folders can be open to it, whatever
its account is. A restricted one could write only where that SID is named: far more than files."""

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
    """A step failed; says which, and what Windows says of it."""


class NotInstalled(ServiceError):
    """There is no such service."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the service control manager knows of the service.

    Attributes:
        state: in a word; another state by its number.
        process_id: of its process; 0 where there is none.
        account: whose rights it has.
        start_type: when it starts: `automatic`, `on demand` or `disabled`.
        command: the line that starts it.
        exit_code: the Windows error that it ended with.
        own_exit_code: its own, where `exit_code` is ERROR_SERVICE_SPECIFIC_ERROR.
    """

    state: str
    process_id: int
    account: str
    start_type: str
    command: str
    exit_code: int
    own_exit_code: int


def install(plan: ServiceSpec, report: Callable[[str], None]) -> None:
    """Make the service as planned, or change the one that there is.

    Args:
        plan: what it is to be.
        report: is told of each step that was done.

    Raises:
        ServiceError: a step failed, and those before it were undone.
    """
    with _opened_manager(win32service.SC_MANAGER_CREATE_SERVICE) as manager, ExitStack() as undo:
        with _step("make the service"):
            service, is_new = _create(manager, plan, undo)
        report(f"the service {NAME} starts with Windows, as {plan.account}")
        _configure(service, report)
        with _step("find the account"):
            sid = service_sid(NAME) if plan.account == ACCOUNT else sid_of(plan.account)
        if plan.account != ACCOUNT:  # services' own accounts may
            with _step("let the account log on as a service"):
                allow_to_be_a_service(sid)
            report(f"{plan.account} may log on as a service")
        with _step("put the account into Network Configuration Operators"):
            if join_group(READERS, plan.account):
                undo.callback(leave_group, READERS, plan.account)
        report(f"{plan.account} is in Network Configuration Operators ({READERS})")
        with _step("make it a source of the Event Log"):
            add_source()
        if is_new:
            undo.callback(remove_source)
        with _step(f"set the permissions of {plan.folder}"):
            for folder, sddl in (
                (plan.folder, folder_sddl(sid)),
                (plan.folder / "logs", logs_sddl(sid)),
            ):
                if make_folder(folder, sddl):
                    undo.callback(folder.rmdir)
        report(f"{plan.folder} is open to it, to administrators and to the system only")
        settings = plan.folder / "settings.toml"
        if not settings.exists():
            undo.callback(settings.unlink, missing_ok=True)  # or half of it would be kept
            with _step(f"write {settings}"):
                settings.write_text(first_settings(plan.folder), encoding="utf-8")
            report(f"{settings} is its file of settings")
        undo.pop_all()
        if _query(service)["CurrentState"] == win32service.SERVICE_RUNNING:
            report(f"it still runs as it was; {RESTART}")
        win32service.CloseServiceHandle(service)


def start(report: Callable[[str], None]) -> None:
    """Start the service, and wait until it serves.

    Args:
        report: is told if it ran already.

    Raises:
        ServiceError: it ended, which the Event Log says more of, or did not begin in time.
    """
    with _opened(win32service.SERVICE_START | win32service.SERVICE_QUERY_STATUS) as service:
        if _query(service)["CurrentState"] == win32service.SERVICE_RUNNING:
            report(f"the service {NAME} ran already; {RESTART}")
            return
        with _step("start the service", but_not=winerror.ERROR_SERVICE_ALREADY_RUNNING):
            win32service.StartService(service, None)
        _wait_for(service, win32service.SERVICE_RUNNING, win32service.SERVICE_START_PENDING)


def stop() -> None:
    """Stop the service, and wait until it has ended.

    Raises:
        ServiceError: it did not end in time.
    """
    with _opened(win32service.SERVICE_STOP | win32service.SERVICE_QUERY_STATUS) as service:
        with _step("stop the service", but_not=winerror.ERROR_SERVICE_NOT_ACTIVE):
            win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
        _wait_for(service, win32service.SERVICE_STOPPED, win32service.SERVICE_STOP_PENDING)


def status() -> Status:
    """The service as it is now.

    Raises:
        NotInstalled: there is none.
        ServiceError: it cannot be asked.
    """
    with _opened(win32service.SERVICE_QUERY_STATUS | win32service.SERVICE_QUERY_CONFIG) as service:
        found = _query(service)
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
    """Stop the service and delete it, and take its account out of the group.

    Args:
        folder: of its settings, keys and logs, if they are to be deleted, too.
        report: is told of each step that was done.

    Raises:
        NotInstalled: there is none.
        ServiceError: a step failed.
    """
    account = status().account
    stop()
    # As long as there is the service: its own account has no name afterwards.
    with _step("take the account out of Network Configuration Operators"):
        leave_group(READERS, account)
    report(f"{account} is out of Network Configuration Operators")
    with _opened(win32con.DELETE) as service, _step("delete the service"):
        win32service.DeleteService(service)
    report(f"the service {NAME} is {'deleted' if _is_gone() else MARKED}")
    with _step("take it out of the sources of the Event Log"):
        remove_source()
    if folder is not None:
        with _step(f"delete {folder}"):
            shutil.rmtree(folder)
        report(f"{folder} is deleted")


def _query(service: Any) -> dict[str, int]:
    return cast(dict[str, int], win32service.QueryServiceStatusEx(service))


def _create(manager: Any, plan: ServiceSpec, undo: ExitStack) -> tuple[Any, bool]:
    """The service, with all rights to it, and whether it is new.

    `undo` deletes it, or makes it what it was.
    """
    kind = win32service.SERVICE_WIN32_OWN_PROCESS
    start, control = win32service.SERVICE_AUTO_START, win32service.SERVICE_ERROR_NORMAL
    all_access = win32service.SERVICE_ALL_ACCESS
    of_plan = (plan.command, None, False, list(NEEDS), plan.account, None)
    try:
        made = win32service.CreateService(
            manager, NAME, DISPLAY_NAME, all_access, kind, start, control, *of_plan
        )
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_SERVICE_EXISTS:
            raise
    else:
        undo.callback(win32service.CloseServiceHandle, made)
        undo.callback(win32service.DeleteService, made)
        return made, True
    known = win32service.OpenService(manager, NAME, all_access)
    undo.callback(win32service.CloseServiceHandle, known)
    kind_now, start_now, control_now, command, group, _tag, needs, account, title = (
        win32service.QueryServiceConfig(known)
    )
    win32service.ChangeServiceConfig(known, kind, start, control, *of_plan, DISPLAY_NAME)
    of_now = (command, group, False, needs, account, None, title)
    undo.callback(
        win32service.ChangeServiceConfig, known, kind_now, start_now, control_now, *of_now
    )
    return known, False


def _configure(service: Any, say: Callable[[str], None]) -> None:
    """All that is told to ChangeServiceConfig2W, each by its level.

    A level that this Windows has not (ERROR_INVALID_LEVEL) is left, and told.
    """
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
            say(f"this Windows does not know of: {name}")


def _wait_for(service: Any, wanted: int, meanwhile: int) -> None:
    deadline = monotonic() + TIMEOUT_SECONDS
    while True:
        found = _query(service)
        if found["CurrentState"] == wanted:
            return
        if found["CurrentState"] != meanwhile:
            raise ServiceError(
                f"the service is {STATES.get(found['CurrentState'], 'not there')}, with exit code "
                f"{found['Win32ExitCode']} and its own {found['ServiceSpecificExitCode']}; "
                f"the Event Log (Application, source {NAME}) says why"
            )
        if monotonic() > deadline:
            raise ServiceError(f"the service is still {STATES[meanwhile]}")
        sleep(POLL_SECONDS)


def _is_gone() -> bool:
    """Whether a deleted service is gone soon: when the last who has it open has closed it."""
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
    """The service.

    Raises:
        NotInstalled: there is none.
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
def _step(name: str, but_not: int = 0) -> Iterator[None]:
    """Tell which step failed, unless it failed with the code that means it was done already."""
    try:
        yield
    except pywintypes.error as error:
        if error.winerror != but_not:
            raise ServiceError(f"cannot {name}: {error.strerror} ({error.winerror})") from None
    except (OSError, FolderRefused) as error:
        raise ServiceError(f"cannot {name}: {error}") from None
