"""Inject every failure that the simulator knows, at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event, Thread

from sa_contexts_simulator import Simulator

from bindings.winerror import WinError


FUNCTIONS = (
    "*",
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "IPsecSaContextCreateEnumHandle0",
    "IPsecSaContextEnum1",
    "IPsecSaContextDestroyEnumHandle0",
    "IPsecSaContextGetById1",
)
CODES = [int(code) for code in WinError if code] + [0x7FFFFFFF, 0xDEADBEEF]
PAUSE_SECONDS = (0.02, 0.3)


class Storm:
    """Inject one fault after another in a thread; the same seed gives the same order."""

    def __init__(self, simulator: Simulator, seed: int) -> None:
        self._simulator = simulator
        self._random = Random(seed)
        self._is_over = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Remove all faults."""
        self._is_over.set()
        self._thread.join()
        self._calm()

    def _run(self) -> None:
        faults: list[Callable[[], None]] = [
            self._fail, self._fail, self._fail_often, self._delay, self._restart, self._calm
        ]  # fmt: skip
        while not self._is_over.wait(self._random.uniform(*PAUSE_SECONDS)):
            self._random.choice(faults)()

    def _fail(self) -> None:
        """Have one function fail with any code, after some calls, for some calls."""
        self._simulator.clear_failures()  # few fit
        self._simulator.fail(
            self._random.choice(FUNCTIONS),
            self._random.choice(CODES),
            after=self._random.randrange(5),
            times=self._random.choice([1, 5, 0]),
        )

    def _fail_often(self) -> None:
        """Have any function fail with the codes that real callers meet."""
        rate = self._random.choice([1_000, 30_000, 300_000])
        self._simulator.fail_randomly(rate, self._random.getrandbits(32))

    def _delay(self) -> None:
        self._simulator.delay(self._random.choice(FUNCTIONS), self._random.choice([1, 20, 200]))

    def _restart(self) -> None:
        self._simulator.stop_engine()
        self._is_over.wait(self._random.uniform(*PAUSE_SECONDS))
        self._simulator.start_engine()

    def _calm(self) -> None:
        self._simulator.clear_failures()
        self._simulator.delay("*", 0)
