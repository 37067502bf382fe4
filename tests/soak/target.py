"""The server that is soaked: `sa-contexts serve` itself, beside a thread that torments its engine.

`python -m tests.soak.target` takes its settings from the environment, and its orders from standard
input: `storm SEED` lets the engine fail, `trim` gives memory back that is free, and `settle` ends
failures and all change. `delay FUNCTION MILLISECONDS` lets every call of a function take that long,
and `calls FUNCTION` counts them. `stop` stops the engine, `deny` lets it deny access, `start` ends
both. Each is confirmed on standard output, where it tells at its end what the simulator counted.
"""

from __future__ import annotations

import ctypes
import json
import sys
from threading import Thread

from sa_contexts_simulator import Simulator

from app.cli import main as cli
from tests.soak.faults import Storm


def main() -> None:
    """Serve until interrupted."""
    simulator = Simulator()  # the same instance that the server loads
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
