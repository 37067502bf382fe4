"""The log of requests: each has an id, and an entry at its end.

Outermost, so that whatever answers is seen. The query is not logged: filters hold addresses.
"""

from __future__ import annotations

import logging
import random
import re
from time import perf_counter
from typing import Final

import structlog
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.api.security import scope_of
from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.settings.model import LoggedRequests
from app.telemetry.logging.redaction import redacted, redacted_start
from app.telemetry.logging.rejection_summary import RejectionSummary


log = structlog.get_logger(__name__)

AGGREGATED_STATUSES: Final = frozenset({401, 421, 429})
"""Refusals that anyone can have any number of are told together (`RejectionSummary`)."""

DEBUG_ROUTES: Final = frozenset({"/metrics", "/health/live", "/health/ready"})
"""Routes that machines ask for all day."""

_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.{2,}"
)
"""`traceparent` of W3C's Trace Context, 3.2: the id of the trace, which is not all zeros."""


class RequestLogMiddleware:
    """Gives each request an id, and tells the log how it went."""

    def __init__(self, app: ASGIApp, logged: LoggedRequests, refused: RejectionSummary) -> None:
        """Stand before an application.

        Args:
            app: the application, with all that answers in its place.
            logged: which requests have an entry.
            refused: is told of those that have none because anyone can have them refused.
        """
        self._app = app
        self._logged = logged
        self._refused = refused
        self._logger = logging.getLogger(__name__)
        self._scopes: dict[str, str | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _bind_ids(scope)
        header = (b"x-request-id", request_id.encode())
        answer = _Answer()

        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
                answer.begin(message)
                if answer.is_stream and self._logged == "all":
                    log.info("stream_opened", **self._describe(scope))
            await send(message)
            answer.sent(message)

        began = perf_counter()
        try:
            await self._app(scope, receive, send_and_see)
        except Exception:
            answer.has_failed = True
            raise
        finally:
            self._log_end(scope, answer, perf_counter() - began)

    def _log_end(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        state = scope["state"]
        code: str | None = state.get("problem") or state.get("refused")
        is_of_nobody = (
            "refused" in state and state.get("caller", UNAUTHENTICATED_CALLER).kind == "anonymous"
        )
        if code is not None and (is_of_nobody or answer.status in AGGREGATED_STATUSES):
            self._refused.record(code, _address(scope), state.get("reason"))
            return
        is_refused = answer.status is None or answer.status >= 400  # noqa: PLR2004  # RFC 9110, 15
        if self._logged == "off" or (self._logged == "refused" and not is_refused):
            return
        asked = self._describe(scope)
        level = logging.DEBUG if asked["route"] in DEBUG_ROUTES else logging.INFO
        if not self._logger.isEnabledFor(level):
            return
        entry: dict[str, object] = {**asked, "status": answer.status}
        if code is not None:
            entry["code"] = code
        entry["seconds"] = round(seconds, 6)
        entry["bytes"] = answer.bytes
        if answer.has_failed:
            entry["ended"] = "failed"
        elif "ended" in state:  # by the server
            entry["ended"] = state["ended"]
        elif not answer.is_complete:
            entry["ended"] = "client_left"
        log.log(level, "request", **entry)

    def _describe(self, scope: Scope) -> dict[str, object]:
        """Who asked for what."""
        state = scope["state"]
        caller: Caller = state.get("caller", UNAUTHENTICATED_CALLER)
        entry: dict[str, object] = {"caller": caller.name, "kind": caller.kind}
        if caller.credential:
            entry["credential"] = caller.credential
        route = scope.get("route")
        path = getattr(route, "path", "unmatched")
        if path not in self._scopes:
            self._scopes[path] = scope_of(route) if isinstance(route, APIRoute) else None
        if self._scopes[path] is not None:
            entry["scope"] = self._scopes[path]
        entry["client"] = _address(scope)
        entry["method"] = redacted_start(scope["method"])
        entry["route"] = path
        entry["path"] = redacted_start(scope["path"])
        return entry


class _Answer:
    """What is known of an answer so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.bytes = 0
        self.is_stream = False
        self.is_complete = False
        self.has_failed = False

    def begin(self, head: Message) -> None:
        self.status = head["status"]
        self.is_stream = any(
            name == b"content-type" and value.startswith(b"text/event-stream")
            for name, value in head["headers"]
        )

    def sent(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)


def _bind_ids(scope: Scope) -> str:
    """The request's id, bound for all that is logged on behalf of it, with that of its trace.

    A client's own id is taken where it is a short harmless word, and no credential. What was
    bound before is another request's: the tasks of one connection begin in each other's context.
    """
    request_id = trace_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _HARMLESS.fullmatch(value):
            given = value.decode()
            request_id = given if redacted(given) == given else None
        elif name == b"traceparent" and (trace := _TRACE.fullmatch(value)):
            trace_id = trace[1].decode()
    request_id = request_id or f"{random.getrandbits(64):016x}"
    clear_contextvars()
    if trace_id is None:
        bind_contextvars(request_id=request_id)
    else:
        bind_contextvars(request_id=request_id, trace_id=trace_id)
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"
