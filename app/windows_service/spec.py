"""The configuration of the service that `app.windows_service.scm` installs."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final


NAME: Final = "sa-contexts"
DISPLAY_NAME: Final = "IPsec SA contexts (sa-contexts)"
DESCRIPTION: Final = "Serves the IPsec security associations of this computer over HTTP."
ACCOUNT: Final = rf"NT SERVICE\{NAME}"
"""The virtual account of the service."""
READERS: Final = "S-1-5-32-556"
"""The SID of Network Configuration Operators; the name of the group is localized."""
DEPENDENCIES: Final = ("BFE",)
"""Services that Windows starts first: the Base Filtering Engine. IKEEXT is not among them: Windows
starts it on demand, and the server reports if it is not running."""
PRIVILEGES: Final = ("SeChangeNotifyPrivilege",)
"""The only privilege that the service's token keeps: to bypass traverse checking."""
RESTART_MILLISECONDS: Final = 60_000
RESET_SECONDS: Final = 24 * 60 * 60
"""Time without a failure after which the failure count is reset."""
STOP_MILLISECONDS: Final = 15_000
"""Maximum time for which Windows delays a shutdown until the service has stopped."""


def program() -> list[str]:
    """Return the command that runs this program as a service, without arguments.

    Unless the program is frozen, the command is the base interpreter with `app/__main__.py`. The
    `python.exe` of a virtual environment is not used: it starts another process, which the service
    control manager would not recognize as the service's.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable]
    interpreter: str = getattr(sys, "_base_executable", sys.executable)
    return [interpreter, "-I", str(Path(__file__).parents[1] / "__main__.py")]


def command_line(folder: Path) -> str:
    """Return the service's command line, quoted for CreateServiceW."""
    settings = ["--settings", str(folder / "settings.toml")]
    return subprocess.list2cmdline([*program(), *settings, "service", "run"])


def service_sid(name: str) -> str:
    """Return the SID of a service, as `sc.exe showsid` does.

    It is S-1-5-80 (SECURITY_SERVICE_ID_BASE_RID, winnt.h), followed by five 32-bit little-endian
    numbers: the SHA-1 digest of the upper-case name in UTF-16LE.
    """
    digest = hashlib.sha1(name.upper().encode("utf-16-le"), usedforsecurity=False).digest()
    return "-".join(("S-1-5-80", *map(str, struct.unpack("<5I", digest))))


def folder_sddl(account_sid: str) -> str:
    """Return the DACL of the state folder in SDDL (sddl.h); P blocks inherited permissions.

    The system and administrators have full access; the service may read.
    """
    return f"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FRFX;;;{account_sid})"


def logs_sddl(account_sid: str) -> str:
    """Return the DACL of the log folder; the service may also write and delete there (0x1301BF)."""
    return f"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;{account_sid})"


def first_settings(folder: Path) -> str:
    """Return the text of the initial settings file; by default, the service listens on loopback."""
    logs = os.fspath(folder / "logs")
    return (
        "# Settings of the service; docs/settings.md lists all of them. After a change:\n"
        "#   sa-contexts service stop; sa-contexts service start\n"
        f"# The log is in {logs}, the only folder that the service may write to.\n"
        'log_format = "json"\n'
    )
