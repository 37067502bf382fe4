"""What a service is to be: a plan, to be carried out by `app.windows_service.scm`."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


NAME: Final = "sa-contexts"
DISPLAY_NAME: Final = "IPsec SA contexts (sa-contexts)"
DESCRIPTION: Final = "Serves the IPsec security associations of this computer over HTTP."
ACCOUNT: Final = rf"NT SERVICE\{NAME}"
"""The virtual account of the service."""
READERS: Final = "S-1-5-32-556"
"""Network Configuration Operators, by the SID, for the name is translated."""
NEEDS: Final = ("BFE",)
"""What is started before: the Base Filtering Engine. IKEEXT is not: it starts when something
negotiates, and the server says so where it is not there."""
PRIVILEGES: Final = ("SeChangeNotifyPrivilege",)
"""All that is left of its token's privileges: to pass through folders to a file."""
RESTART_MILLISECONDS: Final = 60_000
RESET_SECONDS: Final = 24 * 60 * 60
"""After how long without a failure the count of failures begins anew."""
STOP_MILLISECONDS: Final = 15_000
"""How long Windows waits for the end of the service before it shuts down."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service that starts by itself, some time after Windows did.

    Attributes:
        command: the line that starts its process.
        folder: where its settings, keys and logs are.
        account: whose rights it has.
    """

    command: str
    folder: Path
    account: str = ACCOUNT


def program() -> list[str]:
    """What runs this program as a service.

    A frozen program is one file. Else it is the interpreter itself with `app/__main__.py`: the
    `python.exe` of a virtual environment starts another process, which the service control
    manager would not take for the service's.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable]
    interpreter: str = getattr(sys, "_base_executable", sys.executable)
    return [interpreter, "-I", str(Path(__file__).parents[1] / "__main__.py")]


def command_line(folder: Path) -> str:
    """The line that starts the service, as CreateServiceW takes it."""
    settings = ["--settings", str(folder / "settings.toml")]
    return subprocess.list2cmdline([*program(), *settings, "service", "run"])


def service_sid(name: str) -> str:
    """The SID of a service, which `sc.exe showsid` tells, too.

    It is made from the name alone: the SHA-1 of its capital letters in UTF-16, as five numbers
    behind S-1-5-80 (SECURITY_SERVICE_ID_BASE_RID, winnt.h).
    """
    digest = hashlib.sha1(name.upper().encode("utf-16-le"), usedforsecurity=False).digest()
    return "-".join(("S-1-5-80", *map(str, struct.unpack("<5I", digest))))


def folder_sddl(account_sid: str) -> str:
    """Who may do what in the folder: the system and administrators all, the service reads.

    In the string format of security descriptors (sddl.h). What the folder above it allows does
    not count (P).
    """
    return f"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FRFX;;;{account_sid})"


def logs_sddl(account_sid: str) -> str:
    """The same for the folder of logs, where the service also writes and deletes (0x1301BF)."""
    return f"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;{account_sid})"


def first_settings(folder: Path) -> str:
    """The file of settings of a new service: it listens on loopback, and says how to go on."""
    logs = os.fspath(folder / "logs")
    return (
        "# Settings of the service; docs/settings.md has all of them. After a change:\n"
        "#   sa-contexts service stop; sa-contexts service start\n"
        f"# Its log is in {logs}, the only folder where it may write.\n"
        'log_format = "json"\n'
    )
