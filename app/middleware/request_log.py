"""The request log: every request gets an id, and a log entry when it ends.

A setting can limit the entries to problems or disable them. Rejections that anyone can cause are
only summarized. This middleware is the outermost, so it sees every response of the application.
The query is not logged, because filters contain addresses.
"""

from __future__ import annotations

import logging
import random
import re
from http import HTTPStatus
from time import perf_counter
from typing import Final

import structlog
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.api.request_state import request_state
from app.api.security import scope_of
from app.settings.server import LoggedRequests
from app.telemetry.logging.acceptance_summary import AcceptanceSummary
from app.telemetry.logging.redaction import redacted, redacted_start
from app.telemetry.logging.rejection_summary import RejectionSummary


log = structlog.get_logger(__name__)

AGGREGATED_STATUSES: Final = frozenset({401, 421, 429})
"""Statuses of problems that anyone can cause in any number; a `RejectionSummary` counts them."""

DEBUG_ROUTES: Final = frozenset({"/metrics", "/health/live", "/health/ready"})
"""Routes that machines poll, logged at level DEBUG."""

_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.{2,}"
)
"""The header `traceparent` (W3C Trace Context, 3.2); the group is the trace id."""


class RequestLogMiddleware:
    """Middleware that gives each request an id and logs its outcome."""

    def __init__(
        self,
        app: ASGIApp,
        logged: LoggedRequests,
        summary: RejectionSummary,
        acceptances: AcceptanceSummary,
    ) -> None:
        """Wrap an application.

        Args:
            app: the application with all other middleware.
            logged: which requests are logged.
            summary: counts the rejections that anyone can cause.
            acceptances: counts the requests of identified callers.
        """
        self._app = app
        self._logged = logged
        self._summary = summary
        self._acceptances = acceptances
        self._logger = logging.getLogger(__name__)
        self._scopes: dict[str, str | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _bind_ids(scope)
        header = (b"x-request-id", request_id.encode())
        response = _ResponseProgress()

        async def observe_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
                response.start(message)
                if response.is_stream and self._logged == "all":
                    log.info("stream_opened", **self._describe(scope))
            await send(message)
            response.sent(message)

        started_at = perf_counter()
        try:
            await self._app(scope, receive, observe_send)
        except Exception:
            response.has_failed = True
            raise
        finally:
            self._log_end(scope, response, perf_counter() - started_at)

    def _log_end(self, scope: Scope, response: _ResponseProgress, seconds: float) -> None:
        state = request_state(scope)
        code = state.problem
        is_anonymous = state.caller.kind == "anonymous"
        if not is_anonymous:
            is_denied = response.status == HTTPStatus.FORBIDDEN
            self._acceptances.record(state.caller, _address(scope), is_denied=is_denied)
        is_anonymous_rejection = state.is_rejected and is_anonymous
        if code is not None and (is_anonymous_rejection or response.status in AGGREGATED_STATUSES):
            reason = state.rejection_reason
            self._summary.record(code, _address(scope), reason and reason.value)
            return
        is_error = response.status is None or response.status >= 400  # noqa: PLR2004  # RFC 9110, 15
        if self._logged == "off" or (self._logged == "problems" and not is_error):
            return
        description = self._describe(scope)
        level = logging.DEBUG if description["route"] in DEBUG_ROUTES else logging.INFO
        if not self._logger.isEnabledFor(level):
            return
        entry: dict[str, object] = {**description, "status": response.status}
        if code is not None:
            entry["code"] = code
        entry["seconds"] = round(seconds, 6)
        entry["bytes"] = response.bytes
        if response.has_failed:
            entry["outcome"] = "failed"
        elif state.outcome is not None:
            entry["outcome"] = state.outcome
        elif not response.is_complete:
            entry["outcome"] = "client_disconnected"
        log.log(level, "request", **entry)

    def _describe(self, scope: Scope) -> dict[str, object]:
        """Return the log fields of the caller and the request."""
        state = request_state(scope)
        caller = state.caller
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
        if state.proxy is not None:
            entry["proxy"] = state.proxy
        entry["method"] = redacted_start(scope["method"])
        entry["route"] = path
        entry["path"] = redacted_start(scope["path"])
        return entry


class _ResponseProgress:
    """How much of a response has been sent."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.bytes = 0
        self.is_stream = False
        self.is_complete = False
        self.has_failed = False

    def start(self, message: Message) -> None:
        self.status = message["status"]
        self.is_stream = any(
            name == b"content-type" and value.startswith(b"text/event-stream")
            for name, value in message["headers"]
        )

    def sent(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)


def _bind_ids(scope: Scope) -> str:
    """Bind the request id and the trace id to the log context, and return the request id.

    An `X-Request-Id` from the client is accepted if it matches `_HARMLESS` and contains nothing
    that the log would redact. The log context is cleared first, because the task of a request
    inherits the context of an earlier request on the connection.
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
    return request_id


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"
