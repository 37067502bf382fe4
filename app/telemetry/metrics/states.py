"""How the engine is, in a word: what `wfp_state` and failed drains are labelled with."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from app.repository.store import Store
from bindings.errors import (
    AccessDenied,
    EngineBusy,
    EngineGone,
    EngineTimeout,
    NotSupported,
)


class EngineState(StrEnum):
    """The engine as it was at the last drain; all but the first three are reasons of a failure."""

    READY = "ready"
    STARTING = "starting"
    STALE = "stale"
    ACCESS_DENIED = "access_denied"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    NOT_SUPPORTED = "not_supported"
    FAILED = "failed"


_REASONS: Final[tuple[tuple[type[Exception], EngineState], ...]] = (
    (AccessDenied, EngineState.ACCESS_DENIED),
    (EngineGone, EngineState.UNAVAILABLE),
    (EngineTimeout, EngineState.BUSY),
    (EngineBusy, EngineState.BUSY),
    (NotSupported, EngineState.NOT_SUPPORTED),
)

FAILURES: Final = (*dict.fromkeys(state for _, state in _REASONS), EngineState.FAILED)
"""The reasons that a drain can fail for."""


def failure_of(error: Exception) -> EngineState:
    """Why a drain failed."""
    return next(
        (state for class_, state in _REASONS if isinstance(error, class_)), EngineState.FAILED
    )


def state_of(store: Store) -> EngineState:
    """How the engine is, as far as the store knows; the engine is not asked."""
    contact = store.last_refresh
    if contact is None:
        return EngineState.STARTING
    if contact.error is not None:
        return failure_of(contact.error)
    return EngineState.READY if store.is_ready else EngineState.STALE
