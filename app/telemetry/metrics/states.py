"""The engine's state: the label values of `wfp_state` and of the failed refreshes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from app.repository.store import Store
from bindings.errors import (
    AccessDenied,
    EngineBusy,
    EngineGone,
    EnumerationTooLarge,
    MalformedAnswer,
    NotSupported,
    ResourceUnreadable,
    TransactionTimeout,
)


class EngineState(StrEnum):
    """The engine's state at the last refresh; values after `STALE` say why the refresh failed."""

    READY = "ready"
    STARTING = "starting"
    STALE = "stale"
    ACCESS_DENIED = "access_denied"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    NOT_SUPPORTED = "not_supported"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    FAILED = "failed"


_REASONS: Final[tuple[tuple[type[Exception], EngineState], ...]] = (
    (AccessDenied, EngineState.ACCESS_DENIED),
    (EngineGone, EngineState.UNAVAILABLE),
    (TransactionTimeout, EngineState.BUSY),
    (EngineBusy, EngineState.BUSY),
    (NotSupported, EngineState.NOT_SUPPORTED),
    (MalformedAnswer, EngineState.MALFORMED),
    (EnumerationTooLarge, EngineState.TOO_LARGE),
    (ResourceUnreadable, EngineState.UNREADABLE),
)

FAILURES: Final = (*dict.fromkeys(state for _, state in _REASONS), EngineState.FAILED)
"""The states that say why a refresh failed."""


def failure_of(error: Exception) -> EngineState:
    """Return the state that says why a refresh failed."""
    return next(
        (state for class_, state in _REASONS if isinstance(error, class_)), EngineState.FAILED
    )


def state_of(store: Store) -> EngineState:
    """Return the engine's state as of the last refresh, without calling the engine."""
    result = store.last_refresh
    if result is None:
        return EngineState.STARTING
    if result.error is not None:
        return failure_of(result.error)
    return EngineState.READY if store.is_ready else EngineState.STALE
