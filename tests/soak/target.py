"""The server under test: `sa-contexts serve` itself, beside a thread that injects faults.

`python -m tests.soak.target` takes its settings from the environment, and its orders from standard
input: `storm SEED` injects faults, `trim` returns free memory to the system, and `settle` ends all
faults and changes. `delay FUNCTION MILLISECONDS` delays every call of a function,
and `calls FUNCTION` counts its calls. `stop` stops the engine, `deny` has it deny access, `start`
ends both. Each order is confirmed on standard output; the simulator's counters follow
at the end.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from threading import Thread

from sa_contexts_simulator import Simulator

from app.cli import main as cli
from tests.soak.faults import Storm


def main() -> None:
    """Serve until interrupted."""
    simulator = Simulator()  # the instance that the server loads, too
    Thread(target=_obey, args=(simulator,), daemon=True).start()
    cli.app(["serve"], standalone_mode=False)
    _confirm(
        {
            "open_handles": simulator.open_handles(),
            "open_enumerations": simulator.open_enumerations(),
            "unfreed_blocks": simulator.unfreed_blocks(),
            "misuses": simulator.misuses(),
            "calls": simulator.calls(),
        }
    )


def _obey(simulator: Simulator) -> None:
    storm: Storm | None = None
    for order in sys.stdin:
        confirmation: dict[str, object] = {"obeyed": order.strip()}
        match order.split():
            case ["storm", seed]:
                storm = Storm(simulator, int(seed))
            case ["trim"]:
                gc.collect()
                ctypes.CDLL(None).malloc_trim(0)  # glibc's malloc.h
            case ["delay", function, milliseconds]:
                simulator.delay(function, int(milliseconds))
            case ["calls", function]:
                confirmation["calls"] = simulator.calls(function)
            case ["stop" | "deny" | "start" as change]:
                _change(simulator, change)
            case ["settle"]:
                if storm is not None:
                    storm.end()
                simulator.stop_churn()
                confirmation["ids"] = simulator.ids()
        _confirm(confirmation)


def _change(simulator: Simulator, change: str) -> None:
    match change:
        case "stop":
            simulator.stop_engine()
        case "deny":
            simulator.fail("IPsecSaContextCreateEnumHandle0", 5, times=0)
        case "start":
            simulator.clear_failures()
            simulator.start_engine()


def _confirm(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  # who started it reads this


if __name__ == "__main__":
    main()
