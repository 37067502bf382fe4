"""Inject every failure that a client should learn of, and let the engine recover."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from threading import Event, Thread

from sa_contexts_simulator import Option, Simulator

from bindings.winerror import WinError


TROUBLE_SECONDS = (0.7, 2.2)
QUIET_SECONDS = (0.3, 1.8)
CALM_SECONDS = 15
"""How long the engine is well after each round of faults, for what takes long on a busy machine."""

Trouble = Callable[[Simulator, Random], None]


def _refuse(function: str, code: int, simulator: Simulator, _random: Random) -> None:
    """Have each call of a function return a code."""
    simulator.fail(function, code, times=0)


def _refuse_once(simulator: Simulator, random: Random) -> None:
    """Have one of the next few calls fail, so that an enumeration stops halfway."""
    function = random.choice(["IPsecSaContextEnum1", "IPsecSaContextDestroyEnumHandle0", "*"])
    codes = [WinError.RPC_S_CALL_FAILED, WinError.FWP_E_SESSION_ABORTED, WinError.FWP_E_TIMEOUT]
    simulator.fail(function, random.choice(codes), after=random.randrange(40))


def _fail_randomly(per_million: int, simulator: Simulator, random: Random) -> None:
    simulator.fail_randomly(per_million, random.getrandbits(32))


def _delay(function: str, milliseconds: int, simulator: Simulator, _random: Random) -> None:
    simulator.delay(function, milliseconds)


def _stop(simulator: Simulator, _random: Random) -> None:
    """Stop BFE, and start it when the fault ends."""
    simulator.stop_engine()


def _restart(simulator: Simulator, _random: Random) -> None:
    """Restart BFE too fast for anyone to see it stopped."""
    simulator.stop_engine()
    simulator.start_engine()


def _change_habits(simulator: Simulator, random: Random) -> None:
    """Change the behaviour that Microsoft leaves open."""
    for option in set(Option) - {Option.REVERSED_IPV6}:  # no engine changes it
        simulator.set_option(option, random.randrange(2))


TROUBLES: tuple[Trouble, ...] = (
    partial(_fail_randomly, 5_000),
    partial(_fail_randomly, 300_000),
    _refuse_once,
    partial(_refuse, "*", WinError.ERROR_ACCESS_DENIED),
    partial(_refuse, "*", WinError.RPC_S_SERVER_UNAVAILABLE),
    partial(_refuse, "*", WinError.FWP_E_SESSION_ABORTED),
    partial(_refuse, "*", WinError.FWP_E_TIMEOUT),
    partial(_refuse, "*", WinError.FWP_E_IKEEXT_NOT_RUNNING),
    partial(_refuse, "*", WinError.RPC_S_PROCNUM_OUT_OF_RANGE),
    partial(_refuse, "IPsecSaContextEnum1", WinError.RPC_S_PROCNUM_OUT_OF_RANGE),
    partial(_refuse, "*", WinError.ERROR_NOT_ENOUGH_MEMORY),
    partial(_refuse, "*", 0xDEADBEEF),
    partial(_refuse, "FwpmEngineClose0", WinError.EPT_S_NOT_REGISTERED),
    partial(_delay, "IPsecSaContextEnum1", 200),
    partial(_delay, "IPsecSaContextGetById1", 2500),
    _stop,
    _restart,
    _change_habits,
)
"""Rarely injected faults; `*` stands for any function."""


class Storm:
    """Inject one fault after another, with pauses; the same seed gives the same order."""

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

    def _run(self) -> None:
        while not self._is_over.is_set():
            for trouble in self._random.sample(TROUBLES, len(TROUBLES)):
                if self._is_over.wait(self._random.uniform(*QUIET_SECONDS)):
                    return
                trouble(self._simulator, self._random)
                self._is_over.wait(self._random.uniform(*TROUBLE_SECONDS))
                self._calm()
            self._is_over.wait(CALM_SECONDS)

    def _calm(self) -> None:
        self._simulator.clear_failures()
        self._simulator.delay("*", 0)
        self._simulator.start_engine()
