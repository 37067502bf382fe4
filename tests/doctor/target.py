"""`sa-contexts`, in a process where something was done to the engine or the host before.

What, is the JSON of the variable DOCTOR_SCENE.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sa_contexts_simulator import Simulator

from app.cli import main as cli
from app.doctor import run as examination
from bindings import library, machine, services
from bindings._fwpuclnt import ffi


class _Narrow:
    """cffi, as it is in a 32-bit process."""

    @staticmethod
    def sizeof(_type: str) -> int:
        return 4


def _prepare(scene: dict[str, Any]) -> None:
    simulator = Simulator(Path(scene["simulator"]))
    for function, code in scene.get("fail", {}).items():
        simulator.fail(function, code, times=0)
    if "delay" in scene:
        simulator.delay(scene["delay"], 60_000)
        vars(examination).update(CHECK_SECONDS=0.5, TOTAL_SECONDS=1.0, LATE_CHECK_SECONDS=0.1)
    if scene.get("stopped"):
        simulator.stop_engine()
    if scene.get("narrow"):
        for module in (library, machine):
            vars(module)["ffi"] = _Narrow
    if "services" in scene:
        opened = ffi.dlopen(scene["services"])
        vars(services)["_advapi32"] = lambda: opened  # another in the place of Windows' library


if __name__ == "__main__":
    _prepare(json.loads(os.environ["DOCTOR_SCENE"]))
    cli.main()
