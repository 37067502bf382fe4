"""The mapping of exceptions, including those of the framework, to problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api import problems
from app.api.problems import ProblemError, ProblemKind, problem_response
from app.api.request_state import request_state
from app.repository.changes.streams import TooManyStreams
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.leases import TooManySnapshots
from app.repository.store import EngineTimedOut
from app.schemas.hexadecimal import hex32
from app.telemetry.logging.redaction import redacted_start
from bindings.errors import (
    AccessDenied,
    EngineBusy,
    EngineError,
    EngineGone,
    EnumerationTooLarge,
    IkeextNotRunning,
    NotSupported,
    ResourceUnreadable,
    TransactionTimeout,
)


log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 2.0
"""`Retry-After` for temporary problems: the default pause between refreshes after a failure."""

RIGHTS: Final = (
    "The account needs {rights}, which Administrators and members of Network Configuration "
    "Operators (S-1-5-32-556) have."
)

_ENGINE_KINDS: Final[tuple[tuple[type[EngineError], ProblemKind, str], ...]] = (
    (
        AccessDenied,
        problems.ENGINE_ACCESS_DENIED,
        f"The engine denied access: {{error}}. {RIGHTS}",
    ),
    (EngineGone, problems.ENGINE_UNAVAILABLE, "The engine cannot be reached: {error}."),
    (
        IkeextNotRunning,
        problems.IKEEXT_NOT_RUNNING,
        "The service IKEEXT, which negotiates SAs, is not running: {error}.",
    ),
    (TransactionTimeout, problems.ENGINE_BUSY, "The engine is busy: {error}."),
    (NotSupported, problems.NOT_SUPPORTED_BY_ENGINE, "The engine lacks a function: {error}."),
    (
        EnumerationTooLarge,
        problems.ENGINE_ANSWER_TOO_LARGE,
        "The engine returned too much: {error}.",
    ),
    (EngineError, problems.ENGINE_ERROR, "The engine returned an error: {error}."),
)
_TEMPORARY_KINDS: Final[dict[type[Exception], tuple[ProblemKind, str]]] = {
    EngineTimedOut: (problems.ENGINE_TIMEOUT, "The engine did not answer in time."),
    EngineBusy: (problems.ENGINE_TIMEOUT, "The engine did not answer in time."),
    TooManySnapshots: (
        problems.TOO_MANY_SNAPSHOTS,
        "No further snapshot can be leased now.",
    ),
    TooManyStreams: (problems.TOO_MANY_STREAMS, "No further stream can be opened now."),
    ShuttingDown: (problems.SERVER_STOPPING, "The server is stopping."),
}
_HTTP_KINDS: Final = {
    400: problems.BAD_REQUEST,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    406: problems.NOT_ACCEPTABLE,
}


def engine_problem(error: EngineError) -> ProblemError:
    """Return the problem for an engine error, with the error's code and the function's name."""
    kind, detail = next(
        (kind, detail) for class_, kind, detail in _ENGINE_KINDS if isinstance(error, class_)
    )
    return ProblemError(
        kind,
        detail.format(error=error, rights=_rights(error.function)),
        headers=_retry(RETRY_SECONDS) if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else None,
        winError=error.code,
        winErrorHex=hex32(error.code),
        winErrorName=error.name,
        function=error.function,
    )


def _rights(function: str) -> str:
    """Return the access rights that a function requires according to its documentation."""
    if "Statistics" in function:
        return "the right FWPM_ACTRL_READ_STATS"
    return "the rights FWPM_ACTRL_ENUM and FWPM_ACTRL_READ"


def to_problem(error: Exception) -> ProblemError:
    """Return the problem for an exception; for an unexpected one, it contains no details."""
    temporary = _TEMPORARY_KINDS.get(type(error))
    if temporary is not None:
        seconds = RETRY_SECONDS
        if isinstance(error, TooManySnapshots):
            seconds = error.retry_after_seconds
        return ProblemError(*temporary, headers=_retry(seconds))
    match error:
        case ProblemError():
            return error
        case ResourceUnreadable():
            return ProblemError(
                problems.ENGINE_RECORD_UNREADABLE,
                f"This resource is not read now: {error}.",
                headers=_retry(error.seconds),
            )
        case EngineError():
            return engine_problem(error)
        case RequestValidationError():
            return ProblemError(
                problems.INVALID_PARAMETERS,
                "At least one parameter is not valid.",
                errors=[
                    parameter_error(entry["loc"][1:], entry)  # the first part is e.g. `query`
                    for entry in error.errors()[: problems.MAX_ERRORS]
                ],
            )
        case HTTPException():
            return _http_problem(error)
        case _:
            return ProblemError(problems.INTERNAL_ERROR, "The server failed to answer.")


def install(app: FastAPI) -> None:
    """Install exception handlers that answer every failure with a problem."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = to_problem(error)
        request_state(request.scope).problem = problem.kind.code
        if problem.kind.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            path = redacted_start(request.scope["path"])
            log.warning("request_failed", path=path, code=problem.kind.code)
        return problem_response(problem, request.scope["raw_path"])

    for class_ in (
        ProblemError,
        EngineError,
        *_TEMPORARY_KINDS,
        RequestValidationError,
        HTTPException,
        Exception,
    ):
        app.add_exception_handler(class_, answer)


def _http_problem(error: HTTPException) -> ProblemError:
    kind = _HTTP_KINDS.get(error.status_code)
    if kind is None:
        kind = replace(problems.REQUEST_REJECTED, status=error.status_code)
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return ProblemError(kind, kind.title + ".", headers=headers)


def parameter_error(location: Sequence[str | int], entry: Any) -> dict[str, str]:
    """Convert a pydantic error; omit the input, which may be long or secret.

    Args:
        location: the parameter's name and, if it may be repeated, the index of the value.
        entry: the error, as pydantic returns it.
    """
    reasons = {
        "extra_forbidden": "There is no such parameter.",
        "too_long": f"Should be given at most {entry.get('ctx', {}).get('max_length')} times",
        "string_pattern_mismatch": "Should be a decimal number",
    }
    return {
        # The only error without a location is that of maxAge combined with a cursor.
        "parameter": str(location[0]) if location else "maxAge",
        "reason": reasons.get(entry["type"], str(entry["msg"])),
    }


def _retry(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}
