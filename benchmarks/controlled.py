"""Run `sa-contexts` on a simulator, and control the simulator by lines on standard input.

Each line is a JSON array: the name of one of `Simulator`'s methods, and its arguments. The method's
result is written to standard output, as one line. Between lines, the thread that reads them blocks
in the operating system and takes no time from the server.

There are four additional methods. `concentrate` is that of `benchmarks.peered`. `trim` lets the C
library return unused memory to the system. `listen` starts recording the engine's notifications of
SA contexts. `announced` returns them: the change, the id of the context, and the time of the
notification in nanoseconds of the monotonic clock.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from threading import Thread
from time import monotonic_ns
from typing import Any

from sa_contexts_simulator import LIBRARY, Simulator

from app.cli import main as cli
from benchmarks.peered import concentrate
from bindings.engine import Engine
from bindings.library import Library
from bindings.winerror import WinError


FIRST_CALL = "FwpmEngineOpen0"


class _Listener:
    """Records the engine's notifications, in a session of its own."""

    def __init__(self) -> None:
        self._heard: list[tuple[int, int, int]] = []
        self._engine: Engine | None = None

    def listen(self) -> bool:
        """Subscribe; return whether that succeeded."""
        self._engine = Engine(Library(LIBRARY), on_change=self._hear)
        self._engine.with_sa_contexts(lambda _contexts: None)
        return self._engine.is_subscribed

    def announced(self) -> list[tuple[int, int, int]]:
        """Return the change, id and time of each notification so far."""
        return self._heard

    def _hear(self, change: int, sa_context_id: int) -> None:
        self._heard.append((int(change), sa_context_id, monotonic_ns()))


def _obey() -> None:
    simulator, listener = Simulator(LIBRARY), _Listener()
    ours: dict[str, Callable[..., Any]] = {
        "trim": _trim,
        "listen": listener.listen,
        "announced": listener.announced,
        "concentrate": concentrate,
    }
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        act = ours.get(method) or getattr(simulator, method)
        sys.stdout.write(json.dumps(act(*arguments)) + "\n")
        sys.stdout.flush()


def _trim() -> int:
    """Release unused memory; return 1 if there was any, else 0 (malloc_trim(3); glibc only)."""
    return int(ctypes.CDLL(None).malloc_trim(0))


def main() -> None:
    """Run `sa-contexts`; every refresh fails until `clear_failures` is called."""
    Simulator(LIBRARY).fail(FIRST_CALL, WinError.RPC_S_SERVER_UNAVAILABLE, times=0)
    Thread(target=_obey, name="control", daemon=True).start()
    cli.main()


if __name__ == "__main__":
    main()
