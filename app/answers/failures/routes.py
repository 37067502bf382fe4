"""`/failures`: what failure codes mean, depending on the side that failed, and what to check."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.answers.failures.catalogue import (
    ACCEPTED,
    Entry,
    FailureFamily,
    entries,
    find,
)
from app.answers.failures.encoding import explanation_of, summary_of
from app.answers.failures.occurrences import Occurrences, count_fairly
from app.answers.failures.schema import FailureExplanation, FailureList
from app.api import problems
from app.api.constant import Constant, constant
from app.api.dependencies import ServiceDep, reject_query, reject_repeated
from app.api.media_types import JSON_UTF_8
from app.api.parameters import filter_
from app.api.problems import ProblemError
from app.api.security import OPTIONAL_DIAGNOSTICS, AnyCaller, require_diagnostics
from app.auth.callers import Caller
from app.auth.scopes import Scope
from app.resources.net_events.collector import NetEventCollector
from app.resources.wfp.failure_codes import MAX_LENGTH, read_code
from app.service import Service
from bindings.winerror import known_name


TAG: Final = "Failures"

FAILURE_NOT_FOUND: Final = problems.declare(
    "failure_not_found",
    404,
    "This failure is not explained",
    "The server explains the errors of IKE, including those of certificates, keys and Kerberos "
    "that IKE passes on; the errors of the filter engine; IPsec's events in the Security log; and "
    f"the errors of VPN clients (RAS). `/failures` lists them all. {ACCEPTED}",
)

CACHEABLE: Final = "public, max-age=86400"
"""The texts change with the version of the server only."""

OPTIONAL_AUTH_PROBLEMS: Final = (
    *(problems.UNAUTHENTICATED, problems.TOO_MANY_REQUESTS),
    *(problems.ISSUER_UNAVAILABLE, problems.API_KEYS_UNAVAILABLE),
)

router = APIRouter(prefix="/failures", tags=[TAG])


class FailureQuery(BaseModel):
    """Query parameters of `GET /failures`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    family: list[FailureFamily] = filter_("Where the number comes from.")
    occurred: bool = Field(
        default=False,
        description="Only failures that occurred here, the most frequent first. It requires the "
        "scope `diagnostics:read`.",
    )


@router.get(
    "",
    dependencies=[Depends(reject_repeated(FailureQuery))],
    response_class=Response,
    responses={
        200: {"model": FailureList},
        **problems.responses(
            *OPTIONAL_AUTH_PROBLEMS, problems.INSUFFICIENT_SCOPE, problems.INVALID_PARAMETERS
        ),
    },
    openapi_extra=OPTIONAL_DIAGNOSTICS,
)
async def list_failures(
    request: Request,
    caller: AnyCaller,
    query: Annotated[FailureQuery, Query()],
    service: ServiceDep,
) -> Response:
    """List all explained failures, and how often each occurred here.

    The list has no pages. Without a credential, it contains the texts only; a credential with the
    scope `diagnostics:read` adds `occurrences`, counted in the net events that the server keeps.
    """
    if query.occurred:
        await require_diagnostics(request)
    families = frozenset(query.family or FailureFamily)
    selected = [entry for entry in entries().values() if entry.family in families]
    if not _may_count(caller):
        return _summaries(families).response(request)
    counts = await _counts(service)
    if query.occurred:
        met = counts or {}
        selected = [entry for entry in selected if _is_counted(entry) and entry.code in met]
        selected.sort(key=lambda entry: -met[entry.code].total)
    items = [_with_occurrences(entry, summary_of(entry), counts) for entry in selected]
    return _private({"items": items})


@router.get(
    "/{code}",
    dependencies=[Depends(reject_query)],
    response_class=Response,
    responses={
        200: {"model": FailureExplanation},
        **problems.responses(
            *OPTIONAL_AUTH_PROBLEMS, FAILURE_NOT_FOUND, problems.INVALID_PARAMETERS
        ),
    },
    openapi_extra=OPTIONAL_DIAGNOSTICS,
)
async def get_failure(
    request: Request,
    caller: AnyCaller,
    code: Annotated[
        str,
        Path(
            description=f"The code. {ACCEPTED}",
            max_length=MAX_LENGTH,
            examples=["13868", "0x800b0109", "event-4653", "ras-809"],
        ),
    ],
    service: ServiceDep,
) -> Response:
    """Explain a failure: what it means, depending on the side that failed, and what to check.

    The advice is for connection security rules, for VPNs (RRAS, Always On VPN) and for
    DirectAccess, with its public sources. A credential with the scope `diagnostics:read` adds
    `occurrences`.
    """
    entry = find(code)
    if entry is None:
        raise ProblemError(FAILURE_NOT_FOUND, _not_explained(code))
    explanation = explanation_of(entry)
    if not _may_count(caller):
        return _public(orjson.dumps(explanation)).response(request)
    counts = await _counts(service, entry.code)
    return _private(_with_occurrences(entry, explanation, counts))


def _not_explained(text: str) -> str:
    code = read_code(text) if len(text) <= MAX_LENGTH else None
    name = None if code is None else known_name(code)
    return f"{name or 'This code'} is not explained. {ACCEPTED}"


def _may_count(caller: Caller) -> bool:
    return Scope.DIAGNOSTICS_READ in caller.scopes


def _is_counted(entry: Entry) -> bool:
    """Return whether net events can have this failure."""
    return entry.family in {FailureFamily.WIN32, FailureFamily.NTSTATUS}


async def _counts(service: Service, error: int | None = None) -> dict[int, Occurrences] | None:
    """Count the kept net events by error; return None if no session with the engine opened yet."""
    net_events = service.part(NetEventCollector)
    if not net_events.is_ready:
        return None
    net_events.ingest()
    return await count_fairly(net_events.buffer, service.capacity.filtering, error)


def _with_occurrences(
    entry: Entry, shown: dict[str, Any], counts: dict[int, Occurrences] | None
) -> dict[str, Any]:
    if not _is_counted(entry):
        return shown
    if counts is None:
        return {**shown, "occurrences": None}
    return {**shown, "occurrences": counts.get(entry.code, Occurrences()).as_json()}


@cache
def _summaries(families: frozenset[FailureFamily]) -> Constant:
    """Return a `FailureList` without occurrences; there are few sets of families."""
    shown = [summary_of(entry) for entry in entries().values() if entry.family in families]
    return _public(orjson.dumps({"items": shown}))


def _public(body: bytes) -> Constant:
    """Return texts, which caches may keep for other requests without a credential."""
    return constant(body, JSON_UTF_8, {"Cache-Control": CACHEABLE, "Vary": "Authorization"})


def _private(shown: dict[str, Any]) -> Response:
    """Return texts with counts."""
    body = orjson.dumps(shown, option=orjson.OPT_UTC_Z)
    return Response(body, media_type=JSON_UTF_8, headers={"Cache-Control": "no-store"})
