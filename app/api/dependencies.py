"""What routes have in common."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from app.api.problems import INVALID_PARAMETERS, NOT_ACCEPTABLE, ProblemError
from app.service import Service


async def service_of(request: Request) -> Service:
    """The service behind the application."""
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(service_of)]


SINGLE_PARAMETERS = ("limit", "cursor", "maxAge")


async def given_once(request: Request) -> None:
    """Refuse parameters of which a request says two things.

    Raises:
        ProblemError: 422.
    """
    repeated = [name for name in SINGLE_PARAMETERS if len(request.query_params.getlist(name)) > 1]
    if repeated:
        raise ProblemError(
            INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[{"parameter": name, "reason": "Should be given once"} for name in repeated],
        )


async def accepts_json(request: Request) -> None:
    """Refuse a request whose `Accept` excludes JSON (RFC 9110, 12.5.1).

    Raises:
        ProblemError: 406.
    """
    accept = request.headers.get("accept")
    if accept is not None and accept.strip() and not _accepts(accept, "application", "json"):
        raise ProblemError(NOT_ACCEPTABLE, "The header Accept excludes application/json.")


def _accepts(accept: str, type_: str, subtype: str) -> bool:
    """Whether the most specific range that fits has a weight above 0."""
    ranks = {f"{type_}/{subtype}": 2, f"{type_}/*": 1, "*/*": 0}
    best, accepted = -1, False
    for element in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in element.split(";"))
        rank = ranks.get(media_range, -1)
        if rank > best:
            best, accepted = rank, not _is_refused(parameters)
    return accepted


def _is_refused(parameters: list[str]) -> bool:
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    return bool(weights) and not weights[0].strip("0.")
