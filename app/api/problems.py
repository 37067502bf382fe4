"""The problems that the API can answer with, each with its explanation (RFC 9457).

A kind of problem is declared once: here, or in the folder of the resource that alone has it.
Routes name those that they can give, and the OpenAPI document, `/problems/{code}` and the
responses follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.schemas.problems import (
    EngineProblem,
    InvalidParametersProblem,
    Problem,
    ServerProblem,
    SnapshotGoneProblem,
)


MEDIA_TYPE = "application/problem+json"

MAX_ERRORS = 32
"""How many parameters are named that are not valid; a request may have thousands."""

RETRY_AFTER = {
    "description": "After how many seconds to try again.",
    "schema": {"type": "integer", "minimum": 1},
}

WWW_AUTHENTICATE = {
    "description": "How to authenticate, and what is wrong with the credential (RFC 6750, 3).",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: its code never changes and never means something else."""

    code: str
    status: int
    title: str
    explanation: str
    schema: type[Problem] = Problem


KINDS: dict[str, ProblemKind] = {}


def declare(
    code: str, status: int, title: str, explanation: str, schema: type[Problem] = Problem
) -> ProblemKind:
    """Declare a kind of problem: on import, before the application is made."""
    kind = KINDS[code] = ProblemKind(code, status, title, explanation, schema)
    return kind


BAD_REQUEST = declare(
    "bad_request",
    400,
    "The request cannot be understood",
    "The server could not read the request as HTTP. Check the client or the proxy in between.",
)
CURSOR_INVALID = declare(
    "cursor_invalid",
    400,
    "The cursor is not valid",
    "The cursor is damaged, or not one that this server made. Send `nextCursor` exactly as it "
    "was received, or follow the `Link` header. To begin anew, leave the parameter out.",
)
CURSOR_MISMATCH = declare(
    "cursor_mismatch",
    400,
    "The cursor belongs to another list",
    "A cursor carries the filters and the view of its list. What is sent beside it must say the "
    "same; it is simplest to send the cursor alone. Only `limit` may change from page to page. "
    "Nor does the cursor of one resource, of `/sa-contexts` for instance, go on in another.",
)
UNAUTHENTICATED = declare(
    "unauthenticated",
    401,
    "A credential is needed",
    "Send an API key, or a token of the issuer that the server trusts, as "
    "`Authorization: Bearer …`; never in the query. A key is made on the server's host by "
    "`sa-contexts keys add`. Where one was sent, it is unknown, revoked or expired, or the token "
    "is not for this server; the server's log counts which.",
)
INSUFFICIENT_SCOPE = declare(
    "insufficient_scope",
    403,
    "The credential does not reach so far",
    "The credential is good, and lacks the scope that this resource needs; `WWW-Authenticate` "
    "names it. Make a key with that scope, or have the issuer put it into the token.",
)
NOT_FOUND = declare(
    "not_found",
    404,
    "There is nothing here",
    "No resource has this path. `/openapi.json` lists all that there are.",
)
METHOD_NOT_ALLOWED = declare(
    "method_not_allowed",
    405,
    "The method is not allowed",
    "This server only reads: the header `Allow` lists what the resource takes.",
)
NOT_ACCEPTABLE = declare(
    "not_acceptable",
    406,
    "No acceptable representation",
    "The header `Accept` excludes everything that this resource can be given as. Accept "
    "`application/json`; lists can also be had as `application/x-ndjson`. "
    "Metrics are `text/plain` or `application/openmetrics-text`.",
)
REQUEST_TIMEOUT = declare(
    "request_timeout",
    408,
    "The request took too long to arrive",
    "The server waits some seconds for the whole of a request, then closes the connection.",
)
REQUEST_REFUSED = declare(
    "request_refused",
    400,
    "The request was refused",
    "The server refused the request for a reason that the status of the answer tells, which may "
    "be another than 400: 501 for a transfer coding that it does not know, for instance.",
)
LENGTH_REQUIRED = declare(
    "length_required",
    411,
    "The request's body is of unknown length",
    "This server only reads; no resource takes a body. Send the request without one, and without "
    "the header `Transfer-Encoding`.",
)
CONTENT_TOO_LARGE = declare(
    "content_too_large",
    413,
    "The request's body is too large",
    "This server only reads; no resource takes a body. Send the request without one.",
)
CURSOR_EXPIRED = declare(
    "cursor_expired",
    410,
    "The snapshot is no longer held",
    "All pages of a list show one snapshot, which is held for a while after its last use and "
    "for ten minutes at most, unless configured otherwise, and not beyond a restart of the "
    "server. Begin anew with `restartUrl`, or go on after the last id with `resumeUrl` and "
    "accept that what changed in between may be missed.",
    SnapshotGoneProblem,
)
INVALID_PARAMETERS = declare(
    "invalid_parameters",
    422,
    "The parameters are not valid",
    "`errors` names each parameter and what is wrong with it. Unknown parameters are refused "
    "too, so that a misspelt filter is not taken for no filter.",
    InvalidParametersProblem,
)
UNKNOWN_HOST = declare(
    "unknown_host",
    421,
    "The request is for another host",
    "The header `Host` names none of this server's names, as happens when a page of another site "
    "has its name lead here. Ask by an address, or by the machine's own name; further names are "
    "configured as `SA_CONTEXTS_HOSTS`.",
)
HEADER_FIELDS_TOO_LARGE = declare(
    "header_fields_too_large",
    431,
    "The request's head is too large",
    "The request line and the header fields together are longer than the server takes. Drop "
    "cookies and other fields that this server has no use for, and filters that repeat.",
)
INTERNAL_ERROR = declare(
    "internal_error",
    500,
    "The server failed",
    "This is a fault of the server. Its log has the details, at the time of the request.",
)
ENGINE_ERROR = declare(
    "engine_error",
    500,
    "The filter engine answered with an error",
    "The engine refused with a code that has no meaning of its own here. `winErrorName` and "
    "`function` say what it was.",
    EngineProblem,
)
NOT_SUPPORTED_BY_ENGINE = declare(
    "not_supported_by_engine",
    501,
    "This Windows lacks the function",
    "The version of Windows is older than the function that this resource needs.",
    EngineProblem,
)
ENGINE_ACCESS_DENIED = declare(
    "engine_access_denied",
    503,
    "The server may not read the filter engine",
    "The account that the server runs as lacks the rights FWPM_ACTRL_ENUM and FWPM_ACTRL_READ "
    "on the IPsec SA database; for statistics, FWPM_ACTRL_READ_STATS. Administrators and members "
    "of the group Network Configuration Operators (S-1-5-32-556) have them. An empty list is never "
    "shown instead.",
    EngineProblem,
)
ENGINE_TIMEOUT = declare(
    "engine_timeout",
    503,
    "The filter engine is busy",
    "Another program holds a transaction of the filter engine, and it did not end in time. "
    "Try again after `Retry-After` seconds.",
    EngineProblem,
)
ENGINE_SLOW = declare(
    "engine_slow",
    503,
    "The filter engine does not answer",
    "The engine has been asked and has not answered within the server's patience. It may hold "
    "very many SA contexts, or another program may keep it busy. Try again after `Retry-After` "
    "seconds.",
)
ENGINE_UNAVAILABLE = declare(
    "engine_unavailable",
    503,
    "The filter engine cannot be reached",
    "The Base Filtering Engine (service BFE) is stopped, restarting or out of reach. The server "
    "tries again by itself; lists that were begun before go on from their snapshot. Check the "
    "service BFE on the host.",
    EngineProblem,
)
IKEEXT_NOT_RUNNING = declare(
    "ikeext_not_running",
    503,
    "The service IKEEXT does not run",
    "The service IKE and AuthIP IPsec Keying Modules (IKEEXT) negotiates SAs, and counts that. It "
    "runs where IPsec policy applies to the host. Check the service IKEEXT, and whether the host "
    "has connection security rules.",
    EngineProblem,
)
ISSUER_UNAVAILABLE = declare(
    "issuer_unavailable",
    503,
    "The token cannot be checked",
    "The server has not been able to fetch the keys of the issuer that it trusts, without which it "
    "can judge no token; API keys are not concerned. Its log says why. Try again after "
    "`Retry-After` seconds.",
)
KEYS_UNAVAILABLE = declare(
    "keys_unavailable",
    503,
    "The API key cannot be checked",
    "The server has not been able to read its file of API keys for some time. Keys may have been "
    "revoked in it, so all are rejected until it can be read; tokens are not concerned. The "
    "server's log says why. Try again after `Retry-After` seconds.",
)
TOO_MANY_SNAPSHOTS = declare(
    "too_many_snapshots",
    503,
    "Too many lists are being walked through",
    "Each list that has more than one page holds its snapshot, and no more can be held now. "
    "Try again after `Retry-After` seconds, or ask for larger pages.",
)
TOO_MANY_CONNECTIONS = declare(
    "too_many_connections",
    503,
    "Too many connections are open",
    "All connections that the server allows, or allows to one address, are waiting for answers. "
    "Try again after `Retry-After` seconds; use one connection for many requests.",
)
TOO_MANY_STREAMS = declare(
    "too_many_streams",
    429,
    "Too many streams are open",
    "Each watcher keeps a stream open, and the server allows no more of them now. Try again after "
    "`Retry-After` seconds; one stream without filters serves many consumers behind it.",
)
TOO_MANY_REQUESTS = declare(
    "too_many_requests",
    429,
    "Too many requests",
    "This caller, or this address, has asked more often than the server allows. Try again after "
    "`Retry-After` seconds. `RateLimit-Policy` tells how much each may, `RateLimit` what is left.",
)
SERVER_STOPPING = declare(
    "server_stopping",
    503,
    "The server is stopping",
    "The server is about to end. Try again after `Retry-After` seconds.",
)

ENGINE_PROBLEMS = (
    ENGINE_ERROR,
    NOT_SUPPORTED_BY_ENGINE,
    ENGINE_ACCESS_DENIED,
    ENGINE_TIMEOUT,
    ENGINE_SLOW,
    ENGINE_UNAVAILABLE,
    SERVER_STOPPING,
    INTERNAL_ERROR,
)
"""What can befall whatever needs the engine."""

AUTH_PROBLEMS = (
    *(UNAUTHENTICATED, INSUFFICIENT_SCOPE, TOO_MANY_REQUESTS),
    *(ISSUER_UNAVAILABLE, KEYS_UNAVAILABLE),
)
"""What can befall whatever needs a scope."""


class ProblemError(Exception):
    """Answers the request with a problem.

    Attributes:
        kind: what kind of problem.
        detail: what went wrong this time, in a sentence.
        headers: headers of the response.
        members: further members, as the kind's schema names them.
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


def problem_text(problem: ProblemError, path: str) -> bytes:
    """The JSON text of a problem that a request of `path` met."""
    return orjson.dumps(
        {
            "type": f"/problems/{problem.kind.code}",
            "title": problem.kind.title,
            "status": problem.kind.status,
            "detail": problem.detail,
            "instance": quote(path),
            "code": problem.kind.code,
            **problem.members,
        }
    )


def problem_response(request: Request, problem: ProblemError) -> Response:
    """The response that tells of a problem."""
    return Response(
        problem_text(problem, request.scope["path"]),
        problem.kind.status,
        {"Cache-Control": "no-store", **(problem.headers or {})},
        MEDIA_TYPE,
    )


def responses(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of a route that can answer with these problems.

    What any request may meet is added. A status has one schema: where the engine's
    problems share it with the server's own, the one that holds both.
    """
    every = dict.fromkeys((*kinds, BAD_REQUEST, UNKNOWN_HOST, INTERNAL_ERROR))
    documented: dict[int | str, dict[str, Any]] = {}
    for status in sorted({kind.status for kind in every}):
        of_status = [kind for kind in every if kind.status == status]
        schemas = {kind.schema for kind in of_status}
        documented[status] = {
            "model": schemas.pop() if len(schemas) == 1 else ServerProblem,
            "description": f"{HTTPStatus(status).phrase}: "
            + ", ".join(f"`{kind.code}`" for kind in of_status),
        }
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            documented[status]["headers"] = {"Retry-After": RETRY_AFTER}
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            documented[status]["headers"] = {"WWW-Authenticate": WWW_AUTHENTICATE}
    return documented
