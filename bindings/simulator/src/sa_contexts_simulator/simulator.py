"""Control of the simulator's library from Python.

Most methods call the control function of the same name, which `include/sa_simulator.h` describes in
full. A library that is already loaded in this process, for example by cffi, is not loaded again:
the process has one instance of each library file.
"""

import ctypes
import enum
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final


def _library() -> Path:
    """Return the path of the library. An editable install has two package folders; try both."""
    name = "sa_simulator.dll" if sys.platform == "win32" else "sa_simulator.so"
    folders = [Path(folder) for folder in sys.modules[__name__.rpartition(".")[0]].__path__]
    return next((each / name for each in folders if (each / name).exists()), folders[0] / name)


LIBRARY: Final = _library()
"""The path of the library, which can be loaded in place of `fwpuclnt.dll`."""


class Option(enum.IntEnum):
    """Undocumented behaviour of Windows, as a choice: 0 (default) or 1 (described here)."""

    EMPTY_BLOCK = 1
    """A page without entries is a block that must be freed, instead of NULL."""

    SHUFFLE = 2
    """Enumerations, except of net events, are in random order, instead of by id."""

    SNAPSHOT_CONTENTS = 3
    """An enumeration's snapshot fixes the objects' fields, instead of only the set of objects."""

    ANNOUNCE_COMPLETE = 4
    """Subscribers are notified of a new context when both its SAs are attached, not immediately."""

    UNMONITORED_IS_EMPTY = 5
    """An engine that does not track connections returns no connections, instead of an error."""

    UNTIMED_NOTIFICATIONS = 6
    """Subscribers receive net events without their time, instead of with it."""

    REVERSED_IPV6 = 7
    """IPv6 addresses, except in transport filters, are in reversed order, not network order."""

    ZERO_MATCHES_NONE = 8
    """An enumeration for the `connectionId` 0 returns no connection, instead of all."""


class Crowd(enum.IntEnum):
    """A crowd: many alike objects."""

    STORM = 1
    """Identical SA contexts with one peer, under one main mode SA."""

    NAT = 2
    """IKEv2 clients behind one NAT: one remote address, with a UDP port and a user name each."""

    HALF_OPEN = 3
    """Peers whose SA context never gets its outbound SA, unless churn attaches it."""

    USERS = 4
    """IKEv2 clients with an address and a user name each."""

    SPOOFED = 5
    """Peers that only fail: a main mode failure from an address each, and no SA."""


_U32, _U64, _I32 = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int32
_NAME = ctypes.c_char_p

_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "version": (ctypes.c_char_p, ()),
    "reset": (None, ()),
    "populate": (None, (_U32, _U64)),
    "add_crowd": (_U32, (_U32, _U32)),
    "put": (_U64, (ctypes.c_void_p,)),
    "delete": (_I32, (_U64,)),
    "count": (_U32, ()),
    "ids": (_U32, (ctypes.POINTER(_U64), _U32)),
    "connections": (_U32, (ctypes.POINTER(_U64), _U32)),
    "put_connection": (_U64, (ctypes.c_void_p,)),
    "delete_connection": (_I32, (_U64,)),
    "set_connection_bytes": (_I32, (_U64, _U64, _U64)),
    "monitor_connections": (None, (_I32,)),
    "put_ike_sa": (_U64, (ctypes.c_void_p,)),
    "delete_ike_sa": (_I32, (_U64,)),
    "count_ike_sas": (_U32, ()),
    "put_filter": (_U64, (ctypes.c_void_p,)),
    "delete_filter": (_I32, (_U64,)),
    "put_provider_context": (_U64, (ctypes.c_void_p,)),
    "delete_provider_context": (_I32, (_U64,)),
    "hide_provider_context": (_I32, (_U64,)),
    "put_certificate": (_I32, (ctypes.c_char_p, ctypes.c_char_p, _U32)),
    "delete_certificate": (_I32, (ctypes.c_char_p,)),
    "put_ipsec_statistics": (None, (ctypes.c_void_p,)),
    "put_ike_statistics": (None, (ctypes.c_void_p,)),
    "churn": (None, (_U32,)),
    "start_churn": (_I32, (ctypes.c_double, _U64)),
    "stop_churn": (None, ()),
    "net_event": (_I32, (_U32, _U32, _U64)),
    "put_net_event": (_I32, (ctypes.c_void_p,)),
    "net_events": (_U32, (_U32, _U64)),
    "start_net_events": (_I32, (ctypes.c_double, _U64)),
    "stop_net_events": (None, ()),
    "collect_net_events": (None, (_I32,)),
    "announce": (None, (_U32, _U64)),
    "lose": (None, (_U32,)),
    "lose_randomly": (None, (_U32, _U64)),
    "delay_notifications": (None, (_U32,)),
    "deliver_from": (_I32, (_U32,)),
    "flush": (_I32, (_U32,)),
    "fail": (_I32, (_NAME, _U32, _U32, _U32)),
    "fail_randomly": (None, (_U32, _U64)),
    "clear_failures": (None, ()),
    "delay": (_I32, (_NAME, _U32)),
    "stop_engine": (None, ()),
    "start_engine": (None, ()),
    "set_option": (_I32, (_U32, _I32)),
    "open_sessions": (_U32, ()),
    "open_enumerations": (_U32, ()),
    "open_subscriptions": (_U32, ()),
    "delivered": (_U64, ()),
    "lost": (_U64, ()),
    "unfreed_blocks": (_U32, ()),
    "misuses": (_U64, ()),
    "calls": (_U64, (_NAME,)),
}

_UNKNOWN_FUNCTION: Final = 2**64 - 1
_THUMBPRINT_BYTES: Final = 20


class Simulator:
    """Control of the simulator in a library file, whose users in this process share one state."""

    def __init__(self, path: Path = LIBRARY) -> None:
        """Load the library, unless this process has loaded it already.

        Raises:
            OSError: there is no such library, or it is not a simulator of this version.
        """
        self.path = path
        library = ctypes.CDLL(str(path.resolve(strict=True)))
        self._functions: dict[str, Callable[..., Any]] = {}
        for name, (result, arguments) in _PROTOTYPES.items():
            try:
                function = library[f"sa_simulator_{name}"]
            except AttributeError:
                message = f"{path} is not a simulator of this version: it lacks sa_simulator_{name}"
                raise OSError(message) from None
            function.restype = result
            function.argtypes = arguments
            self._functions[name] = function

    def _number(self, name: str, *arguments: object) -> int:
        return int(self._functions[name](*arguments))

    def _act(self, name: str, *arguments: object) -> None:
        self._functions[name](*arguments)

    @property
    def version(self) -> str:
        """The version of the library."""
        text: bytes = self._functions["version"]()
        return text.decode("ascii")

    def reset(self) -> None:
        """Restore the initial state: no objects or failures, the engine running, all counts 0.

        Waits for running callbacks, so it must not be called from a callback.
        """
        self._act("reset")

    def replay(self, path: Path) -> None:
        """Reset the simulator, then fill it from a capture, so that it answers as that engine did.

        Requires the distribution `sa-contexts`, which contains `bindings.capture`.

        Raises:
            CaptureUnreadable (`bindings.capture.file`): the file cannot be read, is not a capture,
                is damaged or is too large.
        """
        from bindings.capture.replay import replay  # noqa: PLC0415

        replay(self, path)

    # ---- the contexts ----

    def populate(self, count: int, seed: int = 0) -> None:
        """Replace all contexts with `count` generated ones, which the seed determines."""
        self._act("populate", _u32(count), _u64(seed))

    def add_crowd(self, crowd: Crowd, count: int = 1) -> int:
        """Add the next `count` objects of a crowd; return how many were added."""
        return self._number("add_crowd", _u32(crowd), _u32(count))

    def put(self, tree: int) -> int:
        """Add a copy of the `IPSEC_SA_CONTEXT1` at the address `tree`; return the copy's id.

        The copy replaces the context that has its `saContextId`, if there is one. If
        that id is 0, the copy gets a new one.
        """
        if not tree:
            raise ValueError("tree is NULL")
        context_id = self._number("put", tree)
        if not context_id:
            raise MemoryError
        return context_id

    def delete(self, context_id: int) -> bool:
        """Remove a context; return whether it existed."""
        return bool(self._number("delete", _u64(context_id)))

    def count(self) -> int:
        """Return the number of contexts."""
        return self._number("count")

    def ids(self) -> list[int]:
        """Return the ids of all contexts, ascending."""
        return self._ids("ids")

    # ---- the connections ----

    def connections(self) -> list[int]:
        """Return the ids of all connections, ascending."""
        return self._ids("connections")

    def put_connection(self, tree: int) -> int:
        """Add a copy of the `FWPM_CONNECTION0` at the address `tree`; return its connectionId."""
        if not tree:
            raise ValueError("tree is NULL")
        connection_id = self._number("put_connection", tree)
        if not connection_id:
            raise ValueError("the connectionId is 0, or memory ran out")
        return connection_id

    def delete_connection(self, connection_id: int) -> bool:
        """End a connection, even if its contexts still exist; return whether it existed."""
        return bool(self._number("delete_connection", _u64(connection_id)))

    def set_connection_bytes(self, connection_id: int, bytes_in: int, bytes_out: int) -> bool:
        """Set the driver's byte counts of a connection; return whether the connection exists."""
        arguments = _u64(connection_id), _u64(bytes_in), _u64(bytes_out)
        return bool(self._number("set_connection_bytes", *arguments))

    def monitor_connections(self, is_on: bool) -> None:
        """Set whether the engine tracks connections."""
        self._act("monitor_connections", int(is_on))

    def _ids(self, name: str) -> list[int]:
        capacity = self._number(name, None, 0)
        while True:
            ids = (_U64 * capacity)()
            count = self._number(name, ids, capacity)
            if count <= capacity:
                return list(ids[:count])
            capacity = count

    # ---- the main mode SAs ----

    def put_ike_sa(self, tree: int) -> int:
        """Add a copy of the `IKEEXT_SA_DETAILS2` at the address `tree`; return its saId.

        The saId must not be 0: only `put` assigns ids.
        """
        if not tree:
            raise ValueError("tree is NULL")
        sa_id = self._number("put_ike_sa", tree)
        if not sa_id:
            raise ValueError("the saId is 0, or memory ran out")
        return sa_id

    def delete_ike_sa(self, sa_id: int) -> bool:
        """Remove a main mode SA, even if contexts refer to it; return whether it existed."""
        return bool(self._number("delete_ike_sa", _u64(sa_id)))

    def count_ike_sas(self) -> int:
        """Return the number of main mode SAs."""
        return self._number("count_ike_sas")

    # ---- policy ----

    def put_filter(self, tree: int) -> int:
        """Add a copy of the `FWPM_FILTER0` at the address `tree`; return its filterId."""
        return self._put_policy("put_filter", tree)

    def delete_filter(self, filter_id: int) -> bool:
        """Remove a filter, generated or put; return whether it existed."""
        return bool(self._number("delete_filter", _u64(filter_id)))

    def put_provider_context(self, tree: int) -> int:
        """Add a copy of the `FWPM_PROVIDER_CONTEXT3` at `tree`; return its providerContextId.

        Its policy is replaced by canaries, except for the flags, endpoints and idle timeouts of a
        tunnel.
        """
        return self._put_policy("put_provider_context", tree)

    def delete_provider_context(self, context_id: int) -> bool:
        """Remove a provider context, generated or put; return whether it existed."""
        return bool(self._number("delete_provider_context", _u64(context_id)))

    def hide_provider_context(self, context_id: int) -> bool:
        """Leave a provider context that was put out of enumerations; return whether it was put."""
        return bool(self._number("hide_provider_context", _u64(context_id)))

    def _put_policy(self, name: str, tree: int) -> int:
        if not tree:
            raise ValueError("tree is NULL")
        policy_id = self._number(name, tree)
        if not policy_id:
            raise ValueError("the id is 0, or memory ran out")
        return policy_id

    # ---- the certificates ----

    def put_certificate(self, thumbprint: bytes, encoded: bytes) -> None:
        """Put a certificate into the store, in place of the one that has this thumbprint.

        Whether the thumbprint is that of the certificate is not checked.
        """
        if len(thumbprint) != _THUMBPRINT_BYTES:
            raise ValueError(f"a thumbprint has {_THUMBPRINT_BYTES} bytes")
        if not self._number("put_certificate", thumbprint, encoded, len(encoded)):
            raise MemoryError

    def delete_certificate(self, thumbprint: bytes) -> bool:
        """Remove a certificate from the store; return whether it was there."""
        if len(thumbprint) != _THUMBPRINT_BYTES:
            raise ValueError(f"a thumbprint has {_THUMBPRINT_BYTES} bytes")
        return bool(self._number("delete_certificate", thumbprint))

    # ---- statistics ----

    def put_ipsec_statistics(self, counts: int) -> None:
        """Replace the current counts with the `IPSEC_STATISTICS1` at the address `counts`."""
        if not counts:
            raise ValueError("counts is NULL")
        self._act("put_ipsec_statistics", counts)

    def put_ike_statistics(self, counts: int) -> None:
        """Replace the current counts with the `IKEEXT_STATISTICS1` at the address `counts`."""
        if not counts:
            raise ValueError("counts is NULL")
        self._act("put_ike_statistics", counts)

    # ---- change ----

    def churn(self, changes: int) -> None:
        """Make `changes` changes now, keeping the number of contexts about constant."""
        self._act("churn", _u32(changes))

    def start_churn(self, changes_per_second: float, seed: int = 0) -> None:
        """Make changes in the background until stopped."""
        if not self._number("start_churn", changes_per_second, _u64(seed)):
            raise RuntimeError("the churn thread could not be started")

    def stop_churn(self) -> None:
        """Stop the background changes."""
        self._act("stop_churn")

    # ---- net events ----

    def net_event(self, type_: int, code: int, seed: int = 0) -> bool:
        """Generate a net event of this type and code; return whether it was collected."""
        return bool(self._number("net_event", _u32(type_), _u32(code), _u64(seed)))

    def put_net_event(self, tree: int) -> bool:
        """Copy the `FWPM_NET_EVENT5` at the address `tree`; return whether it was collected."""
        if not tree:
            raise ValueError("tree is NULL")
        return bool(self._number("put_net_event", tree))

    def net_events(self, count: int, seed: int = 0) -> int:
        """Generate `count` realistic net events; return how many were collected."""
        return self._number("net_events", _u32(count), _u64(seed))

    def start_net_events(self, per_second: float, seed: int = 0) -> None:
        """Generate realistic net events in the background until stopped."""
        if not self._number("start_net_events", per_second, _u64(seed)):
            raise RuntimeError("the thread of net events could not be started")

    def stop_net_events(self) -> None:
        """Stop generating net events in the background."""
        self._act("stop_net_events")

    def collect_net_events(self, is_collected: bool = True) -> None:
        """Set whether net events are collected."""
        self._act("collect_net_events", int(is_collected))

    # ---- notifications ----

    def announce(self, change: int, context_id: int) -> None:
        """Announce a change that did not happen: 1 (ADD), 2 (DELETE) or any other number."""
        self._act("announce", _u32(change), _u64(context_id))

    def lose(self, times: int) -> None:
        """Lose the next `times` notifications, instead of delivering them."""
        self._act("lose", _u32(times))

    def lose_randomly(self, per_million: int, seed: int = 0) -> None:
        """Lose `per_million` of a million notifications, at random; 0 turns this off."""
        self._act("lose_randomly", _u32(per_million), _u64(seed))

    def delay_notifications(self, milliseconds: int) -> None:
        """Delay notifications by at least `milliseconds`; 0 turns the delay off."""
        self._act("delay_notifications", _u32(milliseconds))

    def deliver_from(self, threads: int) -> None:
        """Deliver notifications from 1 to 8 native threads; do not call this from a callback."""
        if not self._number("deliver_from", _u32(threads)):
            raise ValueError(f"cannot deliver from {threads} threads")

    def flush(self, milliseconds: int = 10_000) -> bool:
        """Wait until all notifications are delivered; return False if the time ran out first."""
        return bool(self._number("flush", _u32(milliseconds)))

    # ---- failures ----

    def fail(self, function: str, code: int, *, after: int = 0, times: int = 1) -> None:
        """Let `after` calls pass, then make `times` calls (0: all) return `code`.

        `function` is a WFP function's name, or `"*"` for any that returns a code.

        Raises:
            ValueError: there is no such function, the code is 0, or too many failures are set.
        """
        arguments = function.encode(), _u32(code), _u32(after), _u32(times)
        if not self._number("fail", *arguments):
            raise ValueError(f"cannot make {function!r} fail with {code}")

    def fail_randomly(self, per_million: int, seed: int = 0) -> None:
        """Make `per_million` of a million WFP calls fail, at random; 0 turns this off."""
        self._act("fail_randomly", _u32(per_million), _u64(seed))

    def clear_failures(self) -> None:
        """Clear all failures, including random ones."""
        self._act("clear_failures")

    def delay(self, function: str, milliseconds: int) -> None:
        """Delay each call of a WFP function (`"*"`: of any) by `milliseconds`; 0 turns it off."""
        if not self._number("delay", function.encode(), _u32(milliseconds)):
            raise ValueError(f"no such function: {function!r}")

    def stop_engine(self) -> None:
        """Stop the engine, as if the Base Filtering Engine were stopped."""
        self._act("stop_engine")

    def start_engine(self) -> None:
        """Start the stopped engine again.

        Calls on earlier sessions fail. Ids start again where they first started.
        """
        self._act("start_engine")

    def set_option(self, option: Option, value: int = 1) -> None:
        """Choose a variant of undocumented behaviour."""
        if not self._number("set_option", _u32(option), value):
            raise ValueError(f"no such value of {option!r}: {value}")

    # ---- counts ----

    def open_sessions(self) -> int:
        """Return the number of open sessions."""
        return self._number("open_sessions")

    def open_enumerations(self) -> int:
        """Return the number of open enumeration handles."""
        return self._number("open_enumerations")

    def open_subscriptions(self) -> int:
        """Return the number of open subscriptions."""
        return self._number("open_subscriptions")

    def open_handles(self) -> int:
        """Return the number of open sessions, enumerations and subscriptions."""
        return self.open_sessions() + self.open_enumerations() + self.open_subscriptions()

    def delivered(self) -> int:
        """Return the number of callbacks that returned since the last reset."""
        return self._number("delivered")

    def lost(self) -> int:
        """Return the number of notifications lost since the last reset."""
        return self._number("lost")

    def unfreed_blocks(self) -> int:
        """Return the number of results that were returned since the last reset and not freed."""
        return self._number("unfreed_blocks")

    def misuses(self) -> int:
        """Return the number of calls since the last reset that could crash or leak on Windows."""
        return self._number("misuses")

    def calls(self, function: str = "*") -> int:
        """Return how often a WFP function (`"*"`: any) was called since the last reset."""
        count = self._number("calls", function.encode())
        if count == _UNKNOWN_FUNCTION:
            raise ValueError(f"no such function: {function!r}")
        return count


def _u32(value: int) -> int:
    """Return the value; raise ValueError if ctypes would silently truncate it to 32 bits."""
    if not 0 <= value < 2**32:
        raise ValueError(f"not an unsigned 32-bit number: {value}")
    return value


def _u64(value: int) -> int:
    """Return the value; raise ValueError if ctypes would silently truncate it to 64 bits."""
    if not 0 <= value < 2**64:
        raise ValueError(f"not an unsigned 64-bit number: {value}")
    return value
