"""`sa-contexts`, with the simulator in its process told what to do by lines on standard input.

A line is the name of one of `Simulator`'s methods and its arguments, as JSON;
what the method returns comes back as a line on standard output. The thread that
reads the lines waits in the system and takes nothing from the server meanwhile.
One more method, `trim`, has the C library give back memory that nothing uses.
"""

from __future__ import annotations

import ctypes
import json
import sys
from threading import Thread

from sa_contexts_simulator import LIBRARY, Simulator

from app import cli
from bindings.winerror import WinError


FIRST_CALL = "FwpmEngineOpen0"


def _obey() -> None:
    simulator = Simulator(LIBRARY)
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        act = _trim if method == "trim" else getattr(simulator, method)
        sys.stdout.write(json.dumps(act(*arguments)) + "\n")
        sys.stdout.flush()


def _trim() -> int:
    """Whether any was given back (malloc_trim(3); glibc only)."""
    return int(ctypes.CDLL(None).malloc_trim(0))


def main() -> None:
    """Serve; no drain succeeds before the first `clear_failures`."""
    Simulator(LIBRARY).fail(FIRST_CALL, WinError.RPC_S_SERVER_UNAVAILABLE, times=0)
    Thread(target=_obey, name="control", daemon=True).start()
    cli.main()


if __name__ == "__main__":
    main()
