"""Windows' functions as pywin32 has them, for the service's own steps; their effects are recorded.

Each can be made to fail. Numbers are those of winsvc.h, winerror.h and winnt.h.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any


ADMINISTRATORS = "S-1-5-32-544"
ACCESS_DENIED = 5
ALREADY_EXISTS = 183
ALREADY_RUNNING = 1056
DOES_NOT_EXIST = 1060
CANNOT_ACCEPT_CONTROL = 1061
NOT_ACTIVE = 1062
EXISTS = 1073
NOT_IN_GROUP = 1377
NO_SUCH_MEMBER = 1387
IN_GROUP = 1378

STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4

CONFIG2 = {
    "SERVICE_CONFIG_DESCRIPTION": 1,
    "SERVICE_CONFIG_FAILURE_ACTIONS": 2,
    "SERVICE_CONFIG_DELAYED_AUTO_START_INFO": 3,
    "SERVICE_CONFIG_FAILURE_ACTIONS_FLAG": 4,
    "SERVICE_CONFIG_SERVICE_SID_INFO": 5,
    "SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO": 6,
    "SERVICE_CONFIG_PRESHUTDOWN_INFO": 7,
}


class WindowsError(Exception):
    """`pywintypes.error`."""

    def __init__(self, winerror: int, function: str) -> None:
        super().__init__(winerror, function)
        self.winerror = winerror
        self.strerror = f"error of {function}"


@dataclass
class Service:
    """What the service control manager knows of a service."""

    config: tuple[Any, ...]
    levels: dict[str, Any] = field(default_factory=dict)
    state: int = STOPPED
    exit_codes: tuple[int, int] = (0, 0)


@dataclass
class Windows:
    """A computer."""

    root: Path
    services: dict[str, Service] = field(default_factory=dict)
    group: list[str] = field(default_factory=list)
    deleted_accounts: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    rights: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    owner: str = ADMINISTRATORS
    open_handles: int = 0
    starts: bool = True

    def _called(self, function: str) -> None:
        if function in self.failures:
            raise WindowsError(self.failures[function], function)

    # win32service

    def open_manager(self, *_: Any) -> str:
        self._called("OpenSCManager")
        self.open_handles += 1
        return "manager"

    def close(self, _handle: str) -> None:
        self.open_handles -= 1

    def create(self, _manager: str, name: str, title: str, _access: int, *given: Any) -> str:
        self._called("CreateService")
        if name in self.services:
            raise WindowsError(EXISTS, "CreateService")
        self.services[name] = Service(_config(*(*given, title)))
        return self.open(_manager, name)

    def open(self, _manager: str, name: str, *_: Any) -> str:
        if name not in self.services:
            raise WindowsError(DOES_NOT_EXIST, "OpenService")
        self.open_handles += 1
        return name

    def change(self, name: str, *given: Any) -> None:
        self._called("ChangeServiceConfig")
        self.services[name].config = _config(*given)

    def change2(self, name: str, level: int, value: Any) -> None:
        known = next(known for known, number in CONFIG2.items() if number == level)
        self._called(known)
        self.services[name].levels[known.removeprefix("SERVICE_CONFIG_")] = value

    def query_config(self, name: str) -> tuple[Any, ...]:
        self._called("QueryServiceConfig")
        return self.services[name].config

    def query(self, name: str) -> dict[str, int]:
        self._called("QueryServiceStatusEx")
        service = self.services[name]
        found = {
            "CurrentState": service.state,
            "ProcessId": 4711 if service.state == RUNNING else 0,
            "Win32ExitCode": service.exit_codes[0],
            "ServiceSpecificExitCode": service.exit_codes[1],
        }
        if service.state == START_PENDING:
            service.state = RUNNING if self.starts else STOPPED
        elif service.state == STOP_PENDING:
            service.state = STOPPED
        return found

    def start(self, name: str, _arguments: None) -> None:
        if self.services[name].state == RUNNING:
            raise WindowsError(ALREADY_RUNNING, "StartService")
        self.services[name].state = START_PENDING
        self.services[name].exit_codes = (0, 0) if self.starts else (1066, 1)

    def control(self, name: str, _control: int) -> None:
        if self.services[name].state == STOPPED:
            raise WindowsError(NOT_ACTIVE, "ControlService")
        if self.services[name].state in {START_PENDING, STOP_PENDING}:
            raise WindowsError(CANNOT_ACCEPT_CONTROL, "ControlService")
        self.services[name].state = STOP_PENDING

    def delete(self, name: str) -> None:
        self._called("DeleteService")
        del self.services[name]

    # win32net: the group has one name in every language but this

    def join(self, _server: None, group: str, _level: int, members: list[dict[str, str]]) -> None:
        self._called("NetLocalGroupAddMembers")
        assert group == "Netzwerkkonfigurations-Operatoren"
        name = members[0]["domainandname"]
        assert name.rpartition("\\")[0] != "NT SERVICE" or self.services  # else there is no such
        if name in self.group:
            raise WindowsError(IN_GROUP, "NetLocalGroupAddMembers")
        self.group.append(name)

    def leave(self, _server: None, group: str, members: list[str]) -> None:
        assert group == "Netzwerkkonfigurations-Operatoren"
        assert members[0].rpartition("\\")[0] != "NT SERVICE" or self.services
        if members[0] in self.deleted_accounts:
            raise WindowsError(NO_SUCH_MEMBER, "NetLocalGroupDelMembers")
        if members[0] not in self.group:
            raise WindowsError(NOT_IN_GROUP, "NetLocalGroupDelMembers")
        self.group.remove(members[0])

    # win32security, win32file

    def make_folder(self, folder: str, attributes: Any) -> None:
        self._called("CreateDirectory")
        if Path(folder).exists():
            raise WindowsError(ALREADY_EXISTS, "CreateDirectory")
        Path(folder).mkdir()
        self.permissions[folder] = attributes.SECURITY_DESCRIPTOR.sddl

    def set_permissions(self, folder: str, _kind: int, which: int, *given: Any) -> None:
        self._called("SetNamedSecurityInfo")
        assert which == 0x80000004  # the access list, protected from what the folder above has
        self.permissions[folder] = given[2]

    def look_up_sid(self, _system: None, sid: str) -> tuple[str, str, int]:
        assert sid == "S-1-5-32-556"
        return "Netzwerkkonfigurations-Operatoren", "VORDEFINIERT", 4

    # win32evtlogutil

    def add_source(self, name: str, messages: str, log: str, _types: int) -> None:
        self._called("AddSourceToRegistry")
        assert log == "Application"
        self.sources[name] = messages

    def remove_source(self, name: str, _log: str) -> None:
        self.sources.pop(name, None)

    def modules(self) -> dict[str, dict[str, Any]]:
        """pywin32's modules, by name."""

        class Descriptor:
            def __init__(self, sddl: str) -> None:
                self.sddl = sddl

            def GetSecurityDescriptorDacl(self) -> str:  # noqa: N802  # pywin32's
                return self.sddl

            def GetSecurityDescriptorOwner(inner) -> str:  # noqa: N802, N805  # the same
                return self.owner

        return {
            "pywintypes": {"error": WindowsError},
            "winerror": {
                "ERROR_ALREADY_EXISTS": ALREADY_EXISTS,
                "ERROR_INVALID_LEVEL": 124,
                "ERROR_SERVICE_ALREADY_RUNNING": ALREADY_RUNNING,
                "ERROR_SERVICE_DOES_NOT_EXIST": DOES_NOT_EXIST,
                "ERROR_SERVICE_NOT_ACTIVE": NOT_ACTIVE,
                "ERROR_SERVICE_EXISTS": EXISTS,
                "ERROR_SERVICE_SPECIFIC_ERROR": 1066,
                "ERROR_FAILED_SERVICE_CONTROLLER_CONNECT": 1063,
                "ERROR_MEMBER_NOT_IN_ALIAS": NOT_IN_GROUP,
                "ERROR_MEMBER_IN_ALIAS": IN_GROUP,
                "ERROR_NO_SUCH_MEMBER": NO_SUCH_MEMBER,
            },
            "win32con": {"DELETE": 0x10000, "TOKEN_QUERY": 8},
            "win32api": {"GetCurrentProcess": lambda: -1},
            "win32file": {"CreateDirectory": self.make_folder},
            "win32net": {
                "NetLocalGroupAddMembers": self.join,
                "NetLocalGroupDelMembers": self.leave,
            },
            "win32evtlogutil": {
                "AddSourceToRegistry": self.add_source,
                "RemoveSourceFromRegistry": self.remove_source,
            },
            "win32security": {
                "SDDL_REVISION_1": 1,
                "SE_FILE_OBJECT": 1,
                "OWNER_SECURITY_INFORMATION": 1,
                "DACL_SECURITY_INFORMATION": 4,
                "PROTECTED_DACL_SECURITY_INFORMATION": 0x80000000,
                "POLICY_CREATE_ACCOUNT": 0x10,
                "POLICY_LOOKUP_NAMES": 0x800,
                "TokenUser": 1,
                "SECURITY_ATTRIBUTES": type("SECURITY_ATTRIBUTES", (), {}),
                "ConvertStringSecurityDescriptorToSecurityDescriptor": lambda sddl, _: Descriptor(
                    sddl
                ),
                "ConvertSidToStringSid": lambda sid: sid,
                "ConvertStringSidToSid": lambda sid: sid,
                "SetNamedSecurityInfo": self.set_permissions,
                "GetNamedSecurityInfo": lambda *_: Descriptor(""),
                "OpenProcessToken": lambda *_: "token",
                "GetTokenInformation": lambda *_: ("S-1-5-21-1-2-3-500", 0),
                "LookupAccountSid": self.look_up_sid,
                "LookupAccountName": lambda _, name: (f"sid of {name}", "", 1),
                "LsaOpenPolicy": lambda *_: "policy",
                "LsaAddAccountRights": lambda _, sid, rights: self.rights.append((sid, rights)),
            },
            "win32service": {
                **CONFIG2,
                "SERVICE_STOPPED": STOPPED,
                "SERVICE_START_PENDING": START_PENDING,
                "SERVICE_STOP_PENDING": STOP_PENDING,
                "SERVICE_RUNNING": RUNNING,
                "SERVICE_AUTO_START": 2,
                "SERVICE_DEMAND_START": 3,
                "SERVICE_DISABLED": 4,
                "SERVICE_ERROR_NORMAL": 1,
                "SERVICE_WIN32_OWN_PROCESS": 0x10,
                "SERVICE_ALL_ACCESS": 0xF01FF,
                "SERVICE_START": 0x10,
                "SERVICE_STOP": 0x20,
                "SERVICE_QUERY_CONFIG": 1,
                "SERVICE_QUERY_STATUS": 4,
                "SERVICE_CONTROL_STOP": 1,
                "SERVICE_CONTROL_PRESHUTDOWN": 0xF,
                "SERVICE_ACCEPT_STOP": 1,
                "SERVICE_ACCEPT_PRESHUTDOWN": 0x100,
                "SC_MANAGER_CONNECT": 1,
                "SC_MANAGER_CREATE_SERVICE": 2,
                "SC_ACTION_RESTART": 1,
                "OpenSCManager": self.open_manager,
                "CloseServiceHandle": self.close,
                "CreateService": self.create,
                "OpenService": self.open,
                "ChangeServiceConfig": self.change,
                "ChangeServiceConfig2": self.change2,
                "QueryServiceConfig": self.query_config,
                "QueryServiceStatusEx": self.query,
                "StartService": self.start,
                "ControlService": self.control,
                "DeleteService": self.delete,
            },
        }


def _config(
    kind: int,
    start: int,
    errors: int,
    command: str,
    group: None,
    _wants_tag: bool,
    needs: list[str],
    account: str,
    _password: None,
    title: str,
) -> tuple[Any, ...]:
    """As QueryServiceConfig gives it."""
    return kind, start, errors, command, group, 0, needs, account, title


@contextmanager
def on_windows(root: Path, **more: dict[str, Any]) -> Iterator[Windows]:
    """Have `app.windows_service` import these modules instead of pywin32's.

    Args:
        root: where `%ProgramData%` is.
        more: modules that are not of a computer but of a test.
    """
    windows = Windows(root)
    ours = [f"app.windows_service.{name}" for name in ("scm", "host", "permissions")]
    package = importlib.import_module("app.windows_service")
    given = {**windows.modules(), **more}
    try:
        for name, contents in given.items():
            sys.modules[name] = ModuleType(name)
            vars(sys.modules[name]).update(contents)
        yield windows
    finally:
        for name in (*given, *ours):
            sys.modules.pop(name, None)
        for name in ours:
            vars(package).pop(name.rpartition(".")[2], None)
