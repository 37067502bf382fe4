"""The problems of the API and their explanations (RFC 9457).

A kind of problem is declared once: here, or in the package of the only resource that returns it.
Routes name the kinds that they can return. Responses, the OpenAPI document and `/problems/{code}`
are derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from app.api.media_types import PROBLEM, utf_8
from app.api.references import path_of, root_of
from app.schemas.problems import (
    EngineProblem,
    InvalidParametersProblem,
    Problem,
    ServerProblem,
    SnapshotExpiredProblem,
)


MAX_ERRORS = 32
"""Maximum number of invalid parameters in a response; a request may have thousands."""

RETRY_AFTER = {
    "description": "Seconds to wait before trying again.",
    "schema": {"type": "integer", "minimum": 1},
}

WWW_AUTHENTICATE = {
    "description": "The challenge and, if a credential was rejected, the error (RFC 6750, 3).",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem. A code never changes and is never reused."""

    code: str
    status: int
    title: str
    explanation: str
    schema: type[Problem] = Problem


KINDS: dict[str, ProblemKind] = {}


def declare(
    code: str,
    status: int,
    title: str,
    explanation: str,
    schema: type[Problem] = Problem,
    *,
    kinds: dict[str, ProblemKind] = KINDS,
) -> ProblemKind:
    """Declare a kind of problem. Call this on import, before the application is created.

    Args:
        code: the code.
        status: the status of the response.
        title: the kind, for people.
        explanation: what it means, and how to resolve it.
        schema: the shape of the response.
        kinds: what to add it to: the problems of a host's server, or of another one.
    """
    kind = kinds[code] = ProblemKind(code, status, title, explanation, schema)
    return kind


BAD_REQUEST = declare(
    "bad_request",
    400,
    "The request is malformed",
    "The server could not parse the request as HTTP, or its `Host` header is missing, invalid or "
    "repeated. Check the client, and any proxy in front of the server.",
)
CURSOR_INVALID = declare(
    "cursor_invalid",
    400,
    "The cursor is not valid",
    "The cursor is damaged, or this server did not issue it. Send `nextCursor` exactly as "
    "received, or follow the `Link` header. To start a new list, omit the parameter.",
)
CURSOR_MISMATCH = declare(
    "cursor_mismatch",
    400,
    "The cursor belongs to another list",
    "A cursor carries the filters and the view of its list, and is valid only for the resource "
    "that issued it. If you also send filters or a view, they must be identical; it is simplest to "
    "send none. Only `limit` may change from page to page.",
)
UNAUTHENTICATED = declare(
    "unauthenticated",
    401,
    "Authentication is required",
    "Send an API key, or a token of the issuer that the server trusts, as `Authorization: Bearer "
    "…`; never in the query. Create a key on the server's host with `sa-contexts keys add`. If you "
    "sent a credential, it is unknown, revoked or expired, or a token for another server; the "
    "server's log has the number of rejections by reason.",
)
INSUFFICIENT_SCOPE = declare(
    "insufficient_scope",
    403,
    "The credential lacks the required scope",
    "The credential is valid but lacks the scope that this resource requires; `WWW-Authenticate` "
    "names it. Create a key with that scope, or have the issuer include it in the token.",
)
NOT_FOUND = declare(
    "not_found",
    404,
    "Resource not found",
    "No resource has this path. `/openapi.json` lists all of them.",
)
METHOD_NOT_ALLOWED = declare(
    "method_not_allowed",
    405,
    "The method is not allowed",
    "This server is read-only; the header `Allow` lists the methods that the resource supports.",
)
NOT_ACCEPTABLE = declare(
    "not_acceptable",
    406,
    "No acceptable representation",
    "The header `Accept` excludes every representation of this resource. Accept "
    "`application/json`; lists are also available as `application/x-ndjson`. Metrics are "
    "`text/plain` or `application/openmetrics-text`.",
)
REQUEST_TIMEOUT = declare(
    "request_timeout",
    408,
    "The request took too long to arrive",
    "The server closes a connection whose request does not arrive completely within a few seconds.",
)
REQUEST_REJECTED = declare(
    "request_rejected",
    400,
    "The request was rejected",
    "The server rejected the request. The response's status says why, and may differ from 400: for "
    "example, 501 for an unknown transfer coding.",
)
LENGTH_REQUIRED = declare(
    "length_required",
    411,
    "The length of the request body is unknown",
    "This server is read-only; no resource accepts a body. Send the request without a body and "
    "without the header `Transfer-Encoding`.",
)
CONTENT_TOO_LARGE = declare(
    "content_too_large",
    413,
    "The request body is too large",
    "This server is read-only; no resource accepts a body. Send the request without one.",
)
CURSOR_EXPIRED = declare(
    "cursor_expired",
    410,
    "The snapshot has expired",
    "All pages of a list show one snapshot. It expires after a while without use (by default 60 "
    "seconds), at the latest ten minutes (by default) after the list began, when the server "
    "restarts, and when it is evicted for newer lists. Start a new list with `restartUrl`, or "
    "continue after the last id with `resumeUrl` and accept that you may miss changes made in "
    "between.",
    SnapshotExpiredProblem,
)
INVALID_PARAMETERS = declare(
    "invalid_parameters",
    422,
    "The parameters are not valid",
    "`errors` names each invalid parameter and the reason. Unknown parameters are rejected too, "
    "so that a misspelt filter is not silently ignored.",
    InvalidParametersProblem,
)
UNKNOWN_HOST = declare(
    "unknown_host",
    421,
    "The request is for another host",
    "The header `Host` is not one of this server's names. The check protects against DNS "
    "rebinding, in which a web page makes its own host name resolve to this server. Use an address "
    "or the machine's own name; configure further names as `SA_CONTEXTS_ALLOWED_HOSTS`.",
)
HEADER_FIELDS_TOO_LARGE = declare(
    "header_fields_too_large",
    431,
    "The request header is too large",
    "The request line and the header fields together exceed the server's limit. Omit cookies and "
    "other fields that this server does not use, and send fewer filters.",
)
INTERNAL_ERROR = declare(
    "internal_error",
    500,
    "Internal server error",
    "This is a fault of the server. Its log has the details: search for the response's "
    "`X-Request-Id`.",
)
ENGINE_ERROR = declare(
    "engine_error",
    500,
    "The filter engine returned an error",
    "The engine returned an error for which this server has no specific problem. `winErrorName` "
    "and `function` name the code and the function.",
    EngineProblem,
)
ENGINE_ANSWER_TOO_LARGE = declare(
    "engine_answer_too_large",
    500,
    "The filter engine returned more than the server reads",
    "An enumeration of the engine exceeded the maximum number or size of its objects. The maximum "
    "protects the server from an endless enumeration. If the host really has that many objects, "
    "raise `SA_CONTEXTS_MAX_ENUMERATION_OBJECTS` or `SA_CONTEXTS_MAX_ENUMERATION_BYTES`. The "
    "server never returns a part of the list instead.",
    EngineProblem,
)
NOT_SUPPORTED_BY_ENGINE = declare(
    "not_supported_by_engine",
    501,
    "This version of Windows lacks the function",
    "This version of Windows predates the function that the resource needs.",
    EngineProblem,
)
ENGINE_ACCESS_DENIED = declare(
    "engine_access_denied",
    503,
    "The server has no access to the filter engine",
    "The account that the server runs as lacks the rights FWPM_ACTRL_ENUM and FWPM_ACTRL_READ on "
    "what the resource reads, for example the IPsec SA database; for statistics, "
    "FWPM_ACTRL_READ_STATS. Administrators and members of the group Network Configuration "
    "Operators (S-1-5-32-556) have them. The server never returns an empty list instead.",
    EngineProblem,
)
ENGINE_BUSY = declare(
    "engine_busy",
    503,
    "The filter engine is busy",
    "Another program has an open transaction with the filter engine, which did not end in time. "
    "Try again after `Retry-After` seconds.",
    EngineProblem,
)
ENGINE_TIMEOUT = declare(
    "engine_timeout",
    503,
    "The filter engine does not respond",
    "The engine did not answer within the server's timeout. It may have very many SA contexts, or "
    "another program may keep it busy. Try again after `Retry-After` seconds.",
)
ENGINE_UNAVAILABLE = declare(
    "engine_unavailable",
    503,
    "The filter engine cannot be reached",
    "The Base Filtering Engine (service BFE) is stopped, restarting or unreachable. The server "
    "retries by itself; lists already started continue from their snapshot. Check the service BFE "
    "on the host.",
    EngineProblem,
)
ENGINE_RECORD_UNREADABLE = declare(
    "engine_record_unreadable",
    503,
    "Earlier reads of this resource crashed the server",
    "The server process died at least twice while it read this resource from the engine, probably "
    "because of a record that leads to invalid memory. The server leaves this resource alone until "
    "`Retry-After` seconds have passed, and serves the others. To let it try at once, run "
    "`sa-contexts retry` on the host. The crash dump beside the log shows where it died: report it "
    "with the version of Windows.",
)
IKEEXT_NOT_RUNNING = declare(
    "ikeext_not_running",
    503,
    "The service IKEEXT is not running",
    "The service IKEEXT (IKE and AuthIP IPsec Keying Modules) negotiates SAs and counts "
    "negotiations. Windows starts it when an IPsec policy applies to the host. Check the service "
    "IKEEXT, and whether the host has connection security rules.",
    EngineProblem,
)
ISSUER_UNAVAILABLE = declare(
    "issuer_unavailable",
    503,
    "The token cannot be verified",
    "The server could not fetch the keys of the issuer that it trusts, so it cannot verify "
    "tokens; API keys are not affected. The server's log says why. Try again after "
    "`Retry-After` seconds.",
)
API_KEYS_UNAVAILABLE = declare(
    "api_keys_unavailable",
    503,
    "The API key cannot be verified",
    "The server has been unable to read its file of API keys for some time. Keys may have been "
    "revoked meanwhile, so all are rejected until the file can be read; tokens are not affected. "
    "The server's log says why. Try again after `Retry-After` seconds.",
)
TOO_MANY_SNAPSHOTS = declare(
    "too_many_snapshots",
    503,
    "Too many snapshots are in use",
    "Every list with more than one page leases its snapshot, and so does an export while it "
    "runs. The maximum is reached, and none can be evicted: those of this caller belong to exports "
    "and streams, or every caller has only one. Try again after `Retry-After` seconds, or request "
    "larger pages.",
)
TOO_MANY_CONNECTIONS = declare(
    "too_many_connections",
    503,
    "Too many connections are open",
    "All connections that the server allows, in total or per address, are waiting for responses. "
    "Try again after `Retry-After` seconds; use one connection for many requests.",
)
TOO_MANY_STREAMS = declare(
    "too_many_streams",
    429,
    "Too many streams are open",
    "Each watcher keeps a stream open, and the server allows no more streams now. Try again after "
    "`Retry-After` seconds, or share one stream among several consumers.",
)
TOO_MANY_REQUESTS = declare(
    "too_many_requests",
    429,
    "Too many requests",
    "This caller or address exceeded its rate limit. Try again after `Retry-After` seconds. "
    "`RateLimit-Policy` has the limit, `RateLimit` the remaining quota.",
)
SERVER_STOPPING = declare(
    "server_stopping",
    503,
    "The server is stopping",
    "The server is shutting down. Try again after `Retry-After` seconds.",
)

ENGINE_PROBLEMS = (
    ENGINE_ERROR,
    ENGINE_ANSWER_TOO_LARGE,
    NOT_SUPPORTED_BY_ENGINE,
    ENGINE_ACCESS_DENIED,
    ENGINE_BUSY,
    ENGINE_TIMEOUT,
    ENGINE_UNAVAILABLE,
    ENGINE_RECORD_UNREADABLE,
    SERVER_STOPPING,
    INTERNAL_ERROR,
)
"""The problems of every route that reads the engine."""

AUTH_PROBLEMS = (
    *(UNAUTHENTICATED, INSUFFICIENT_SCOPE, TOO_MANY_REQUESTS),
    *(ISSUER_UNAVAILABLE, API_KEYS_UNAVAILABLE),
)
"""The problems of every route that requires a scope."""


class ProblemError(Exception):
    """An exception that becomes a problem response.

    Attributes:
        kind: the kind of problem.
        detail: what went wrong this time, in one sentence.
        headers: additional headers of the response, if any.
        members: further members, named as in the JSON of the kind's schema.
    """

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.members = members


def problem_response(problem: ProblemError, raw_path: bytes) -> Response:
    """Return the response for a problem.

    Args:
        problem: the problem.
        raw_path: the path of the request, percent-encoded as the client sent it; empty if unknown.
    """
    text = orjson.dumps(
        {
            "type": f"{root_of(raw_path)}problems/{problem.kind.code}",
            "title": problem.kind.title,
            "status": problem.kind.status,
            "detail": problem.detail,
            "instance": path_of(raw_path),
            "code": problem.kind.code,
            **problem.members,
        }
    )
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    return Response(text, problem.kind.status, headers, utf_8(PROBLEM))


def responses(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that can return these problems.

    Problems that any request can cause are added. Each status has one schema: that of its problems
    or, if their schemas differ, `ServerProblem`.
    """
    all_kinds = dict.fromkeys((*kinds, BAD_REQUEST, UNKNOWN_HOST, INTERNAL_ERROR))
    documented: dict[int | str, dict[str, Any]] = {}
    for status in sorted({kind.status for kind in all_kinds}):
        with_status = [kind for kind in all_kinds if kind.status == status]
        schemas = {kind.schema for kind in with_status}
        documented[status] = {
            "model": schemas.pop() if len(schemas) == 1 else ServerProblem,
            "description": f"{HTTPStatus(status).phrase}: "
            + ", ".join(f"`{kind.code}`" for kind in with_status),
        }
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            documented[status]["headers"] = {"Retry-After": RETRY_AFTER}
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            documented[status]["headers"] = {"WWW-Authenticate": WWW_AUTHENTICATE}
    return documented
