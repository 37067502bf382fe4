"""A server to attack: what `sa-contexts serve` runs, on a simulator that fails on request.

`python -m tests.hostile.target` takes its settings from the environment, and its orders from
standard input: `storm SEED`, `calm`, `trim`, `delay FUNCTION MILLISECONDS` and `calls FUNCTION`.
On standard output it prints its address, and at its end the simulator's counters.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from threading import Thread
from typing import Any

from sa_contexts_simulator import Simulator

from app.bootstrap import build_server
from app.settings.model import Settings
from app.telemetry.logging.configuration import audit_log_file, configure_logging, log_file
from tests.hostile.faults import Storm


def main() -> None:
    """Serve until interrupted."""
    no_options: dict[str, Any] = {}
    settings = Settings(**no_options)
    file = log_file(settings)
    audit = audit_log_file(settings, file)
    configure_logging("json", settings.log_level, file=file, audit=audit)
    simulator = Simulator()  # the instance that the server loads, too
    serving = build_server(settings, None)
    _report({"port": serving.listener.getsockname()[1]})
    Thread(target=_obey, args=(simulator,), daemon=True).start()
    serving.run()
    _report(
        {
            "open_handles": simulator.open_handles(),
            "unfreed_blocks": simulator.unfreed_blocks(),
            "misuses": simulator.misuses(),
        }
    )


def _obey(simulator: Simulator) -> None:
    storm: Storm | None = None
    for order in sys.stdin:
        name, *arguments = order.split()
        if name == "trim":
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
        elif name == "delay":
            simulator.delay(arguments[0], int(arguments[1]))
        elif name == "calls":
            _report({"calls": simulator.calls(arguments[0])})
        elif storm is not None:
            storm.end()
        if name == "storm":
            storm = Storm(simulator, int(arguments[0]))
        _report({"obeyed": order.strip()})


def _report(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  # who started it reads this


if __name__ == "__main__":
    main()
