"""Mapping of the engine's return codes to exceptions.

WFP functions return their error code and do not set GetLastError (fwpmu.h).
`error_for` maps a code to an exception. The exception's class says how a caller
should react; its attributes are the code, the code's name and the function.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bindings.winerror import RPC_E_RANGE, WinError, name_of


class EngineError(Exception):
    """The filter engine returned an error.

    Attributes:
        code: the return code, an unsigned 32-bit number.
        name: the code's name in winerror.h; if that is unknown, see `name_of`.
        function: the WFP function that returned the code.
    """

    def __init__(self, code: int, function: str) -> None:
        self.code = code & 0xFFFFFFFF
        self.name = name_of(self.code)
        self.function = function
        super().__init__(f"{function} returned {self.name} ({self.code})")


class AccessDenied(EngineError):
    """The account lacks a right (FWPM_ACTRL_...), such as to open, enumerate or subscribe."""


class EngineGone(EngineError):
    """The engine is unreachable, or the session or a handle is dead: open a new session."""


class TransactionTimeout(EngineError):
    """Another transaction blocked the engine for longer than the session's timeout."""


class NotFound(EngineError):
    """No object has this id."""


class NeverMatch(EngineError):
    """The template is contradictory: nothing can match it."""


class IkeextNotRunning(EngineError):
    """The IKEEXT service is not running, as on a host without an IPsec policy."""


class NetEventsDisabled(EngineError):
    """The engine does not collect net events (FWPM_ENGINE_COLLECT_NET_EVENTS is 0)."""


class ConnectionsDisabled(EngineError):
    """The engine does not track connections (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS is 0)."""


class NotSupported(EngineError):
    """The library or the engine lacks the function, as in older versions of Windows."""


class MalformedAnswer(EngineError):
    """The engine's answer contradicts itself, exceeds a limit, or points out of the address space.

    The limits are those of one object (`bindings.limits`).
    """

    def __init__(self, function: str) -> None:
        super().__init__(WinError.RPC_X_BAD_STUB_DATA, function)
        self.args = (f"{function} gave a malformed answer",)


class ResourceUnreadable(EngineError):
    """The process died more than once while it read the resource, which is left alone for a time.

    Attributes:
        resource: the resource's name.
        deaths: how many processes died.
        seconds: for how long the resource is still unreadable.
    """

    def __init__(self, resource: str, deaths: int, seconds: float) -> None:
        super().__init__(WinError.RPC_X_BAD_STUB_DATA, resource)
        self.args = (f"the server died {deaths} times while it read {resource}",)
        self.resource = resource
        self.deaths = deaths
        self.seconds = seconds


class EnumerationTooLarge(EngineError):
    """An enumeration returned more than a limit allows; it may be endless."""

    def __init__(self, function: str, limit: str) -> None:
        """Create the error; `limit` names the limit, such as `250,000 objects`."""
        super().__init__(WinError.RPC_X_BAD_STUB_DATA, function)
        self.args = (f"{function} gave more than {limit}",)


UNREADABLE: Final = (struct.error, OverflowError)
"""The exceptions that `bindings.memory` raises if an answer cannot be read."""


@contextmanager
def reading(function: str) -> Iterator[None]:
    """Convert `UNREADABLE` exceptions in the block, which reads the answer of `function`.

    Raises:
        MalformedAnswer: the answer cannot be read.
    """
    try:
        yield
    except UNREADABLE:
        raise MalformedAnswer(function) from None


_CLASSES: dict[int, type[EngineError]] = {
    WinError.ERROR_ACCESS_DENIED: AccessDenied,
    **dict.fromkeys(
        (
            WinError.FWP_E_NOT_FOUND,
            WinError.FWP_E_FILTER_NOT_FOUND,
            WinError.FWP_E_PROVIDER_CONTEXT_NOT_FOUND,
        ),
        NotFound,
    ),
    WinError.FWP_E_TIMEOUT: TransactionTimeout,
    WinError.FWP_E_NEVER_MATCH: NeverMatch,
    WinError.FWP_E_IKEEXT_NOT_RUNNING: IkeextNotRunning,
    WinError.FWP_E_NET_EVENTS_DISABLED: NetEventsDisabled,
    WinError.FWP_E_CONNECTIONS_DISABLED: ConnectionsDisabled,
    WinError.RPC_S_PROCNUM_OUT_OF_RANGE: NotSupported,
    **dict.fromkeys(
        (
            WinError.ERROR_INVALID_HANDLE,
            WinError.ERROR_SERVICE_DISABLED,
            WinError.ERROR_SERVICE_NOT_ACTIVE,
            WinError.ERROR_SHUTDOWN_IN_PROGRESS,
            WinError.RPC_S_INVALID_BINDING,
            WinError.RPC_S_UNKNOWN_IF,
            WinError.RPC_S_SERVER_UNAVAILABLE,
            WinError.RPC_S_SERVER_TOO_BUSY,
            WinError.RPC_S_CALL_FAILED,
            WinError.RPC_S_CALL_FAILED_DNE,
            WinError.RPC_S_CANNOT_SUPPORT,
            WinError.RPC_S_CALL_CANCELLED,
            WinError.RPC_S_COMM_FAILURE,
            WinError.EPT_S_CANT_PERFORM_OP,
            WinError.EPT_S_NOT_REGISTERED,
            WinError.RPC_X_SS_IN_NULL_CONTEXT,
            WinError.RPC_X_SS_CONTEXT_DAMAGED,
            WinError.RPC_X_SS_HANDLES_MISMATCH,
            WinError.FWP_E_SESSION_ABORTED,
        ),
        EngineGone,
    ),
    **dict.fromkeys(RPC_E_RANGE, EngineGone),
}


def error_for(code: int, function: str) -> EngineError:
    """Return the exception for a nonzero code that `function` returned."""
    code &= 0xFFFFFFFF
    return _CLASSES.get(code, EngineError)(code, function)


class EngineBusy(Exception):
    """Another thread held the session for longer than the timeout."""


class LibraryError(Exception):
    """The library is missing or unusable; the message says why."""
