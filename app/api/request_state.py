"""The state of a request: what middleware and routes record, and outer middleware acts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.auth.credentials import Credential, parse_credential
from app.auth.rejections import RejectionReason


_KEY: Final = "request"


@dataclass(slots=True)
class RequestState:
    """The state of one request.

    Attributes:
        credential: the credential; None: nothing has parsed it yet.
        caller: the caller that authentication identified.
        rate_limit_key: the key that the request counts against; None: it is not limited.
        problem: the code of the problem that is the response.
        is_rejected: whether authentication, a scope, a rate limit or `Host` rejected the request.
        rejection_reason: why the credential was rejected.
        is_over_quota: whether the request is answered although its address is over its quota.
        outcome: why the response ended early, if a route recorded it.
    """

    credential: Credential | None = None
    caller: Caller = UNAUTHENTICATED_CALLER
    rate_limit_key: tuple[str, str] | None = None
    problem: str | None = None
    is_rejected: bool = False
    rejection_reason: RejectionReason | None = None
    is_over_quota: bool = False
    outcome: str | None = None


def request_state(scope: Scope) -> RequestState:
    """Return the state of a request; the first call creates it."""
    states: dict[str, RequestState] = scope.setdefault("state", {})
    state = states.get(_KEY)
    if state is None:
        state = states[_KEY] = RequestState()
    return state


def credential_of(scope: Scope) -> Credential:
    """Return the credential of a request; the first call parses it."""
    state = request_state(scope)
    if state.credential is None:
        state.credential = parse_credential(scope["headers"])
    return state.credential
