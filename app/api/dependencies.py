"""Dependencies that routes share: the service, and checks of the query and of `Accept`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Annotated, Any, cast, get_origin

from fastapi import Depends, Request
from pydantic import BaseModel

from app.api.media_types import JSON, NDJSON
from app.api.negotiation import quality_of_type
from app.api.problems import INVALID_PARAMETERS, MAX_ERRORS, NOT_ACCEPTABLE, ProblemError
from app.api.sse import MEDIA_TYPE as EVENTS
from app.service import Service


async def service_of(request: Request) -> Service:
    """Return the service behind the application."""
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(service_of)]


def reject_repeated(query: type[BaseModel]) -> Callable[[Request], Coroutine[Any, Any, None]]:
    """Return a dependency that rejects a query that repeats a single-valued parameter.

    The dependency raises `ProblemError` (422).

    Args:
        query: the model of the parameters; only parameters that are lists may be repeated.
    """
    singles = [
        field.alias or name
        for name, field in query.model_fields.items()
        if get_origin(field.annotation) is not list
    ]

    async def reject(request: Request) -> None:
        repeated = [name for name in singles if len(request.query_params.getlist(name)) > 1]
        if repeated:
            raise ProblemError(
                INVALID_PARAMETERS,
                "At least one parameter is not valid.",
                errors=[{"parameter": name, "reason": "Should be given once"} for name in repeated],
            )

    return reject


async def reject_query(request: Request) -> None:
    """Reject any query, for routes without parameters.

    Raises:
        ProblemError: 422.
    """
    if request.query_params:
        raise ProblemError(
            INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[
                {"parameter": name, "reason": "There is no such parameter."}
                for name in islice(request.query_params, MAX_ERRORS)
            ],
        )


async def require_json(request: Request) -> None:
    """Reject a request whose `Accept` excludes JSON (RFC 9110, 12.5.1).

    Raises:
        ProblemError: 406.
    """
    if not quality_of_type(request.headers, JSON):
        raise ProblemError(
            NOT_ACCEPTABLE,
            "The header Accept excludes application/json.",
            headers={"Vary": "Accept"},
        )


async def wants_ndjson(request: Request) -> bool:
    """Return whether the client prefers NDJSON (an export) to JSON (a page).

    Raises:
        ProblemError: 406: the client accepts neither.
    """
    ndjson, json = (quality_of_type(request.headers, type_) for type_ in (NDJSON, JSON))
    if not ndjson and not json:
        raise ProblemError(
            NOT_ACCEPTABLE,
            f"The header Accept excludes application/json and {NDJSON}.",
            headers={"Vary": "Accept"},
        )
    return ndjson > json


WantsNdjson = Annotated[bool, Depends(wants_ndjson)]


async def require_event_stream(request: Request) -> None:
    """Reject a request whose `Accept` excludes Server-Sent Events (RFC 9110, 12.5.1).

    Raises:
        ProblemError: 406.
    """
    if not quality_of_type(request.headers, EVENTS):
        raise ProblemError(
            NOT_ACCEPTABLE,
            f"The header Accept excludes {EVENTS}.",
            headers={"Vary": "Accept"},
        )
