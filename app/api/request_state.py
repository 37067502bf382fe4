"""The state of a request, through which middleware, routes and the HTTP server share facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.auth.credentials import Credential, parse_credential
from app.auth.rejections import RejectionReason
from app.net.send_queue import UNKNOWN, SendQueue


_KEY: Final = "request"


@dataclass(slots=True)
class RequestState:
    """The state of one request.

    Attributes:
        credential: the credential; None: not parsed yet.
        caller: the caller that authentication identified.
        rate_limit_key: the key of the caller's rate limit; None: the request is not limited.
        problem: the code of the problem in the response; None: the response is not a problem.
        is_rejected: whether the request was rejected because of its credential, a missing scope, a
            rate limit or `Host`.
        rejection_reason: why the credential was rejected; None: it was not rejected.
        is_over_quota: whether the request is answered although its address is over its quota.
        outcome: why a stream or an export ended early, as logged; None: not recorded.
        send_queue: returns what the client has acknowledged, and what it has not.
        proxy: the address of the trusted proxy that forwarded the request; None: no proxy did.
        is_pipelined: whether the client sent it before it had the response to the one before.
    """

    credential: Credential | None = None
    caller: Caller = UNAUTHENTICATED_CALLER
    rate_limit_key: tuple[str, str] | None = None
    problem: str | None = None
    is_rejected: bool = False
    rejection_reason: RejectionReason | None = None
    is_over_quota: bool = False
    outcome: str | None = None
    send_queue: Callable[[], SendQueue] = lambda: UNKNOWN
    proxy: str | None = None
    is_pipelined: bool = False


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
