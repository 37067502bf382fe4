"""The machine and the software versions with which the figures were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


PACKAGES = ("cffi", "fastapi", "orjson", "pydantic", "uvicorn")


def machine() -> dict[str, Any]:
    """Return the processor, the system, the versions, and the machine's load."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def machine_text(machine: dict[str, Any]) -> str:
    """Return the result of `machine` as two lines."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}; {machine['system']}\n"
        f"{machine['python']}; {packages}"
    )


def _cpu() -> str:
    """Return the processor's model; if the system does not report it, a less precise name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
