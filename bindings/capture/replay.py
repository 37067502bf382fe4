"""Replaying a capture in the simulator: its objects, errors, options and missing functions.

For each kind of object, the newest captured generation is put into the simulator, which derives
the older generations from it. `differences` compares all generations with the capture. A
difference shows that the simulator does not yet behave like Windows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from bindings.capture.build import UNBUILDABLE, Tree
from bindings.capture.file import CaptureUnreadable, Line, read_capture
from bindings.capture.policy import CONTEXTS_BY_ID, CONTEXTS_BY_KEY, FILTERS
from bindings.capture.record import record
from bindings.engine_options import EngineOption
from bindings.interfaces import replay_aliases
from bindings.library import OPTIONAL, REQUIRED
from bindings.session import Session
from bindings.winerror import WinError


class Control(Protocol):
    """The functions of `sa_contexts_simulator.Simulator` that a replay calls."""

    def reset(self) -> None:
        """Restore the initial state."""

    def put(self, tree: int) -> int:
        """Add a copy of the IPSEC_SA_CONTEXT1 that is at this address; return the copy's id."""

    def put_ike_sa(self, tree: int) -> int:
        """Add a copy of the IKEEXT_SA_DETAILS2 that is at this address; return the copy's id."""

    def put_connection(self, tree: int) -> int:
        """Add a copy of the FWPM_CONNECTION0 that is at this address; return the copy's id."""

    def put_filter(self, tree: int) -> int:
        """Add a copy of the FWPM_FILTER0 that is at this address; return the copy's id."""

    def put_provider_context(self, tree: int) -> int:
        """Add a copy of the FWPM_PROVIDER_CONTEXT3 at this address; return the copy's id."""

    def hide_provider_context(self, context_id: int) -> bool:
        """Leave a provider context out of enumerations; return whether it was put."""

    def put_net_event(self, tree: int) -> bool:
        """Collect the FWPM_NET_EVENT5 that is at this address; return whether it was collected."""

    def put_ipsec_statistics(self, counts: int) -> None:
        """Replace the current counts with the IPSEC_STATISTICS1 that is at this address."""

    def put_ike_statistics(self, counts: int) -> None:
        """Replace the current counts with the IKEEXT_STATISTICS1 that is at this address."""

    def connections(self) -> list[int]:
        """Return the ids of all connections."""

    def delete_connection(self, connection_id: int) -> bool:
        """Remove a connection; return whether it existed."""

    def collect_net_events(self, is_collected: bool) -> None:
        """Set whether net events are collected."""

    def monitor_connections(self, is_on: bool) -> None:
        """Set whether connections are tracked."""

    def fail(self, function: str, code: int, *, times: int) -> None:
        """Make the next `times` calls of a function return `code`; all calls if `times` is 0."""


_TUNNELS: Final = "FwpmProviderContextEnum"

_PUT: Final = {
    "IPsecSaContextEnum": ("put", "IPSEC_SA_CONTEXT1"),
    "IkeextSaEnum": ("put_ike_sa", "IKEEXT_SA_DETAILS2"),
    "FwpmConnectionEnum": ("put_connection", "FWPM_CONNECTION0"),
    "FwpmNetEventEnum": ("put_net_event", "FWPM_NET_EVENT5"),
    _TUNNELS: ("put_provider_context", "FWPM_PROVIDER_CONTEXT3"),
    "IPsecGetStatistics": ("put_ipsec_statistics", "IPSEC_STATISTICS1"),
    "IkeextGetStatistics": ("put_ike_statistics", "IKEEXT_STATISTICS1"),
}
"""The method of `Control` and its struct, by the WFP function without its generation."""

_PUT_POLICY: Final = {
    **dict.fromkeys(FILTERS, ("put_filter", "FWPM_FILTER0")),
    **dict.fromkeys(
        (*CONTEXTS_BY_ID, *CONTEXTS_BY_KEY), ("put_provider_context", "FWPM_PROVIDER_CONTEXT3")
    ),
}
"""Likewise by the function that returns a filter or a provider context."""

MAX_EXPLAINED: Final = 20
"""The maximum number of answers whose differences are explained field by field."""

_NOT_SUPPORTED: Final = int(WinError.RPC_S_PROCNUM_OUT_OF_RANGE)

_IDS: Final = ("saContextId", "saId", "connectionId", "providerContextId")


def replay(simulator: Control, path: Path) -> None:
    """Make the simulator answer as the engine of a capture did.

    Raises:
        CaptureUnreadable: the file cannot be read, is not a capture, is damaged or is too large.
            The simulator is then in its initial state.
    """
    try:
        _Replay(simulator, path).run()
    except CaptureUnreadable:
        simulator.reset()
        replay_aliases({})
        raise


class _Replay:
    def __init__(self, simulator: Control, path: Path) -> None:
        self._simulator = simulator
        self._path = path
        self._answered: Counter[str] = Counter()
        self._newest: dict[str, str] = {}
        self._completed: set[str] = set()
        self._failures: dict[str, int] = {}
        self._options: dict[int, bool] = {}
        self._aliases: dict[int, str] = {}
        self._connections: set[int] = set()
        self._looked_up: set[int] = set()
        self._enumerated: set[int] = set()

    def run(self) -> None:
        self._simulator.reset()
        number = 0
        try:
            for number, line in read_capture(self._path):
                if number == 1:
                    self._take_header(line)
                elif "function" in line:
                    self._take(line["function"], line)
            self._finish()
        except UNBUILDABLE as error:
            raise CaptureUnreadable(f"{self._path}, line {number}: {error}") from None

    def _take_header(self, line: Line) -> None:
        exported = line.get("functions")
        if not isinstance(exported, dict):
            raise TypeError("the header has no functions")
        self._failures = {
            name: _NOT_SUPPORTED for name in (*REQUIRED, *OPTIONAL) if exported.get(name) is False
        }

    def _take(self, function: Any, line: Line) -> None:
        if not isinstance(function, str):
            raise TypeError("a function's name is a text")
        if function == "FwpmEngineGetOption0":
            self._take_option(line)
        elif function == "ConvertInterfaceLuidToAlias":
            self._aliases[int(line.get("argument", 0))] = str(line.get("value", ""))
        elif "error" in line:
            self._failures.setdefault(function, line["error"])
        elif function in _PUT_POLICY:
            self._completed.add(function)
            if line.get("value") is not None:
                put = self._put(*_PUT_POLICY[function], line["value"])
                if function not in FILTERS:
                    self._looked_up.add(put)
        else:
            self._take_object(function, line)

    def _take_object(self, function: str, line: Line) -> None:
        family = function[:-1]
        if family not in _PUT:
            raise ValueError(f"{function} is unknown")
        if "count" in line:
            if line["count"] != self._answered[function]:
                raise ValueError(f"{self._answered[function]} answers, not {line['count']}")
            self._newest.setdefault(family, function)
            self._completed.add(function)
        elif not isinstance(line.get("value"), dict):  # also in older generations
            raise TypeError("a value is not an object")
        else:
            self._answered[function] += 1
            if self._newest.setdefault(family, function) == function:
                put = self._put(*_PUT[family], line["value"])
                if family == _TUNNELS:
                    self._enumerated.add(put)

    def _take_option(self, line: Line) -> None:
        value = line.get("value")
        if isinstance(value, dict) and "uint32" in value:
            self._options[int(line.get("argument", -1))] = bool(value["uint32"])

    def _put(self, control: str, struct: str, value: Any) -> int:
        tree = Tree(struct, value)
        put: int = getattr(self._simulator, control)(tree.address)
        if control == "put_connection":
            self._connections.add(put)
        return put

    def _finish(self) -> None:
        """Remove connections that were not captured; apply options, failures and interface names.

        Provider contexts that were looked up, but not enumerated, are not enumerated here either.

        Options and failures come last, because they would prevent objects from being put.
        """
        for connection_id in self._simulator.connections():
            if connection_id not in self._connections:  # the simulator derived it from the contexts
                self._simulator.delete_connection(connection_id)
        for context_id in self._looked_up - self._enumerated:
            self._simulator.hide_provider_context(context_id)
        self._simulator.collect_net_events(self._options.get(EngineOption.COLLECT_NET_EVENTS, True))
        self._simulator.monitor_connections(
            self._options.get(EngineOption.MONITOR_IPSEC_CONNECTIONS, True)
        )
        for function, code in self._failures.items():
            if not self._completes(function):
                self._simulator.fail(function, code, times=0)
        replay_aliases(self._aliases)

    def _completes(self, function: str) -> bool:
        """Return whether an enumeration that failed in the capture was also completed in it.

        A function that creates enumeration handles serves all generations: any of them may have
        been completed.
        """
        if function.endswith("CreateEnumHandle0"):
            prefix = function.removesuffix("CreateEnumHandle0") + "Enum"
            return any(name[:-1] == prefix for name in self._completed)
        return function in self._completed


def differences(path: Path, session: Session) -> Iterator[str]:
    """Yield the differences between the answers of a session's engine and a capture.

    Objects, counters and errors of all generations are compared by their digests. For the first
    `MAX_EXPLAINED` answers that differ, each differing field is named.

    Raises:
        CaptureUnreadable: the file cannot be read, is not a capture, is damaged or is too large.
    """
    captured = {key: _digest(answer) for key, answer in _captured(path)}
    explained: dict[str, Any] = {}
    others: list[str] = []
    for key, answer in _keyed(record(session, lambda _luid: None)):
        if captured.pop(key, b"") == _digest(answer):
            continue
        if len(explained) < MAX_EXPLAINED:
            explained[key] = answer
        else:
            others.append(key)
    if explained:
        values = {key: answer for key, answer in _captured(path) if key in explained}
        for key, answer in explained.items():
            yield from (f"{key}{each}" for each in _differences(values.get(key), answer))
    yield from (f"{key}: differs" for key in others)
    yield from (f"{key}: only in the capture" for key in captured)


def _captured(path: Path) -> Iterator[tuple[str, Any]]:
    return _keyed(line for number, line in read_capture(path) if number > 1)


def _digest(answer: Any) -> bytes:
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).digest()


def _keyed(lines: Iterator[Line]) -> Iterator[tuple[str, Any]]:
    """Yield each answer with its key: the function, and the object's id or the answer's number."""
    places: Counter[str] = Counter()
    for line in lines:
        function = line.get("function", "")
        if function[:-1] not in _PUT and "error" not in line:
            continue
        if "argument" in line or "count" in line or line.get("error") == _NOT_SUPPORTED:
            continue
        answer = {"error": line["error"]} if "error" in line else line["value"]
        places[function] += 1
        identifier = next((answer[name] for name in _IDS if name in answer), None)
        yield f"{function} {places[function] if identifier is None else identifier}", answer


def _differences(captured: Any, answer: Any, path: str = "") -> Iterator[str]:
    if captured == answer:
        return
    if isinstance(captured, dict) and isinstance(answer, dict):
        for name in captured | answer:
            yield from _differences(captured.get(name), answer.get(name), f"{path}.{name}")
    elif isinstance(captured, list) and isinstance(answer, list) and len(captured) == len(answer):
        for index, (one, other) in enumerate(zip(captured, answer, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    else:
        yield f"{path}: {captured!r} in the capture, {answer!r} here"
