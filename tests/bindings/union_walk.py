"""A walk through everything that an engine may omit from a struct, or leave stale in it.

It runs in a process of its own, because a reader that follows an invalid pointer crashes. It
prints each case on a line before it is read, and its findings at the end, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final

from sa_contexts_simulator import Simulator

from bindings.addresses import Ipv6Order
from bindings.capture.structs import STRUCTS
from bindings.capture.walk import walk
from bindings.connections import decode_connection, read_connection
from bindings.decode import decode_sa_context
from bindings.engine import Engine
from bindings.engine_options import read_engine_option
from bindings.filters import decode_filter, read_filter
from bindings.ike_decode import decode_ike_sa
from bindings.ike_tree import read_ike_sa
from bindings.key_sizes import read_key_sizes
from bindings.library import Library
from bindings.net_event import GENERATIONS, read_net_event
from bindings.policy import NEWEST, read_policy_filter, read_provider_context
from bindings.tree import read_sa_context

from .wild_memory import NOWHERE, Spot, Target, WildMemory


Read = Callable[[int], object]
ORDER: Final = Ipv6Order.NETWORK


def _sa_context(generation: int, address: int) -> object:
    read_key_sizes(address, generation, ORDER)
    return decode_sa_context(read_sa_context(address, generation, ORDER))


def _ike_sa(generation: int, address: int) -> object:
    return decode_ike_sa(read_ike_sa(address, generation, ORDER))


def _connection(address: int) -> object:
    return decode_connection(read_connection(address, 0, ORDER))


def _net_event(generation: int, address: int) -> object:
    return read_net_event(address, generation, ORDER)


def _filter(address: int) -> object:
    return read_policy_filter(address), decode_filter(read_filter(address))


def _provider_context(generation: int, address: int) -> object:
    return read_provider_context(address, generation, ORDER)


READERS: Final[dict[str, Read]] = {
    **{f"IPSEC_SA_CONTEXT{n}": partial(_sa_context, n) for n in (0, 1)},
    **{f"IKEEXT_SA_DETAILS{n}": partial(_ike_sa, n) for n in (0, 1, 2)},
    **{f"FWPM_NET_EVENT{n}": partial(_net_event, n) for n in range(len(GENERATIONS))},
    **{f"FWPM_PROVIDER_CONTEXT{n}": partial(_provider_context, n) for n in range(NEWEST + 1)},
    "FWPM_FILTER0": _filter,
    "FWPM_CONNECTION0": _connection,
    "FWP_VALUE0": read_engine_option,
}
"""What reads each struct that the engine hands out."""

CAPTURED: Final[dict[str, Read]] = {
    root: partial(walk, root) for root in READERS if root in STRUCTS
}
"""What captures each of these structs."""


class SimulatorCopies:
    """What the simulator makes of structs that it is given, in each generation."""

    def __init__(self, path: Path) -> None:
        self._simulator = Simulator(path)
        self._engines = [Engine(Library(path), generation=generation) for generation in (0, 1)]

    def sa_context(self, address: int) -> object:
        context_id = self._simulator.put(address)
        return [engine.get(context_id) for engine in self._engines]

    def ike_sa(self, address: int) -> object:
        sa_id = self._simulator.put_ike_sa(address)
        return [engine.with_ike_sas(lambda reader: reader.get(sa_id)) for engine in self._engines]

    def filter(self, address: int) -> object:
        filter_id = self._simulator.put_filter(address)
        return self._engines[1].with_policy(lambda policy: policy.get_filter(filter_id))

    def provider_context(self, address: int) -> object:
        context_id = self._simulator.put_provider_context(address)
        return [
            engine.with_policy(lambda policy: policy.get_context(context_id))
            for engine in self._engines
        ]


COPIERS: Final[dict[str, Callable[[SimulatorCopies, int], object]]] = {
    "IPSEC_SA_CONTEXT1": SimulatorCopies.sa_context,
    "IKEEXT_SA_DETAILS2": SimulatorCopies.ike_sa,
    "FWPM_FILTER0": SimulatorCopies.filter,
    "FWPM_PROVIDER_CONTEXT3": SimulatorCopies.provider_context,
}
"""What has the simulator copy each struct that it takes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that an engine may do.

    Attributes:
        what: for a person.
        chosen: the discriminators' values that lead there; see `WildMemory`.
        targets: where pointers lead; see `WildMemory`.
        pointer: the pointer that is NULL, if that is the case.
    """

    what: str
    chosen: Mapping[str, int]
    targets: Mapping[str, Target] = field(default_factory=dict)
    pointer: str | None = None


def cases(root: str, chosen: Mapping[str, int], seen: set[str]) -> Iterator[Case]:
    """Yield the cases of a struct, of each arm of its unions and of all that it leads to."""
    spots = WildMemory(root, chosen=chosen, targets={}).spots
    unseen = [spot for spot in spots if spot.path not in seen]
    seen.update(spot.path for spot in unseen)
    for spot in unseen:
        yield from _pointer_cases(spot, chosen)
        for name, value in spot.values.items():
            choice = {**chosen, spot.path: value}
            yield Case(f"{spot.path} is {name}", choice)
            yield from cases(root, choice, seen)


def _pointer_cases(spot: Spot, chosen: Mapping[str, int]) -> Iterator[Case]:
    if spot.values:
        return
    path = spot.path
    yield Case(f"{path} is NULL", chosen, {path: Target(0)}, path)
    if spot.is_counted:
        yield Case(f"{path} is NULL, its count is not 0", chosen, {path: Target(0, 2**32 - 1)})
        yield Case(f"{path} leads nowhere, its count is 0", chosen, {path: Target(NOWHERE, 0)})


class Walk:
    """The walk through one struct.

    Attributes:
        structs: the names of those that were met.
        wrong: the cases in which a reader raised, or showed an arm that does not exist.
        unread: the pointers of which nothing is shown.
    """

    def __init__(self, root: str, read: Read, *, copies: bool) -> None:
        """Walk.

        Args:
            root: the name of the struct.
            read: what reads it.
            copies: whether that follows every pointer, as a copy does.
        """
        self.structs: set[str] = set()
        self.wrong: list[str] = []
        self.unread: set[str] = set()
        self._root = root
        self._reader = read
        self._copies = copies
        self._valid = cache(lambda chosen: self._shown(dict(chosen), {}))
        for case in cases(root, {}, set()):
            self._read(case)

    def _read(self, case: Case) -> None:
        _report(case.what)
        try:
            shown = self._shown(case.chosen, case.targets)
            is_stable = bool(case.targets) or shown == self._shown(
                case.chosen, {}, absent_as_struct=True
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            self.wrong.append(f"{case.what}: {error!r}")
            return
        if not is_stable:
            self.wrong.append(f"{case.what}: shows an arm that does not exist")
        if not self._copies and case.pointer and shown == self._valid(tuple(case.chosen.items())):
            self.unread.add(case.pointer)
            _report(f"{case.pointer} leads nowhere")
            self._shown(case.chosen, {case.pointer: Target(NOWHERE)})

    def _shown(
        self,
        chosen: Mapping[str, int],
        targets: Mapping[str, Target],
        *,
        absent_as_struct: bool = False,
    ) -> str:
        memory = WildMemory(
            self._root, chosen=chosen, targets=targets, absent_as_struct=absent_as_struct
        )
        self.structs |= memory.structs
        return repr(self._reader(memory.address))


def _report(what: str) -> None:
    print(what, flush=True)  # noqa: T201  # the last line names the case that crashed


def main() -> None:
    """Walk through the struct that the first argument names.

    By default it is read. With a second argument, it is captured (`captured`), or copied by the
    simulator (the path of its library).
    """
    root, *how = sys.argv[1:]
    if how == ["captured"]:
        done = Walk(root, CAPTURED[root], copies=False)
    elif how:
        done = Walk(root, partial(COPIERS[root], SimulatorCopies(Path(how[0]))), copies=True)
    else:
        done = Walk(root, READERS[root], copies=False)
    _report(
        json.dumps(
            {"structs": [*done.structs], "wrong": done.wrong, "unread": [*done.unread]},
        )
    )
