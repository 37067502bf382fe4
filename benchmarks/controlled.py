"""`sa-contexts`, with a simulator that is controlled by lines on standard input.

Each line is a JSON array: the name of one of `Simulator`'s methods, and its arguments.
The method's result is written to standard output, as one line. The thread that reads
the lines blocks in the system, and costs the server nothing meanwhile.

Additional methods: `trim` has the C library return unused memory; `listen` starts to
record the engine's notifications, and `announced` returns them: for each SA context that
was added or deleted, the change, its id and the time of the notification, in nanoseconds
of the monotonic clock.
"""

from __future__ import annotations

import ctypes
import json
import sys
from threading import Thread
from time import monotonic_ns

from sa_contexts_simulator import LIBRARY, Simulator

from app.cli import main as cli
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
        """Subscribe; return whether the engine supports it."""
        self._engine = Engine(Library(LIBRARY), on_change=self._hear)
        self._engine.with_sa_contexts(lambda _contexts: None)
        return self._engine.is_subscribed

    def announced(self) -> list[tuple[int, int, int]]:
        """Return change, id and time of all notifications so far."""
        return self._heard

    def _hear(self, change: int, sa_context_id: int) -> None:
        self._heard.append((int(change), sa_context_id, monotonic_ns()))


def _obey() -> None:
    simulator, listener = Simulator(LIBRARY), _Listener()
    ours = {"trim": _trim, "listen": listener.listen, "announced": listener.announced}
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        act = ours.get(method) or getattr(simulator, method)
        sys.stdout.write(json.dumps(act(*arguments)) + "\n")
        sys.stdout.flush()


def _trim() -> int:
    """Release unused memory; return 1 if there was any, else 0 (malloc_trim(3); glibc only)."""
    return int(ctypes.CDLL(None).malloc_trim(0))


def main() -> None:
    """Serve; every refresh fails until the first `clear_failures`."""
    Simulator(LIBRARY).fail(FIRST_CALL, WinError.RPC_S_SERVER_UNAVAILABLE, times=0)
    Thread(target=_obey, name="control", daemon=True).start()
    cli.main()


if __name__ == "__main__":
    main()
