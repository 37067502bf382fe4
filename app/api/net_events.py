"""`/net-events`: what failed of late, of IKE's negotiations and of IPsec's packets, explained."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.api import problems
from app.api.dependencies import ServiceDep, accepts_json, given_once
from app.api.errors import problem_of
from app.api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_VALUES,
    SubnetParameter,
)
from app.api.streaming import PiecesResponse
from app.repository.net_event_ring import EventId, NetEventSelection, NetEventSlice
from app.schemas.net_event_names import Collection, NetEventType
from app.schemas.net_events import NetEventPage
from app.service import Service
from bindings.errors import NetEventsDisabled


HEAD: Final = b'{"items":['
HOW_TO_ENABLE: Final = (
    "As an administrator, run `netsh wfp set options netevents=on` on the host "
    "(FWPM_ENGINE_COLLECT_NET_EVENTS); it stays on."
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}")
_EVENT_ID: Final = re.compile(r"([0-9a-f]{12})-([0-9]{1,19})")
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

router = APIRouter(prefix="/net-events", tags=["Net events"])


def _number(text: Any) -> Any:
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        raise PydanticCustomError("number", "Should be a number")
    return text


def _event_id(text: Any) -> EventId:
    found = _EVENT_ID.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise PydanticCustomError("event_id", "Should be the id of an event")
    return EventId(found[1], int(found[2]))


def _event_id_or_time(text: Any) -> EventId | datetime:
    if isinstance(text, str) and _EVENT_ID.fullmatch(text):
        return _event_id(text)
    if isinstance(text, str) and _RFC_3339.fullmatch(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text.upper())
    raise PydanticCustomError("since", "Should be the id of an event or a time as in RFC 3339")


class NetEventQuery(BaseModel):
    """What `GET /net-events` takes. A filter given several times means any of its values."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[
        int,
        Field(ge=1),
        AfterValidator(lambda limit: min(limit, MAX_LIMIT)),
        BeforeValidator(_number),
    ] = Field(
        DEFAULT_LIMIT,
        description=f"How many events a page has at most; above {MAX_LIMIT} it is brought "
        f"down to {MAX_LIMIT}.",
    )
    since: Annotated[
        EventId | datetime | None,
        BeforeValidator(_event_id_or_time),
        WithJsonSchema(
            {
                "type": "string",
                "maxLength": 40,
                "examples": ["b893933fedc9-17", "2026-11-23T23:53:23Z"],
            }
        ),
    ] = Field(
        None,
        description="Only events after the one of this id, or not before this time. To hear what "
        "is new, give the id of the newest event that you have.",
    )
    before: Annotated[
        EventId | None,
        BeforeValidator(_event_id),
        WithJsonSchema(
            {
                "type": "string",
                "pattern": "^[0-9a-f]{12}-[0-9]{1,19}$",
                "examples": ["b893933fedc9-17"],
            }
        ),
    ] = Field(
        None, description="Only events before the one of this id: the `nextBefore` of a page."
    )
    type: list[NetEventType] = Field(
        [], max_length=MAX_VALUES, description="What kind of failure it was."
    )
    peer: list[SubnetParameter] = Field(
        [], max_length=MAX_VALUES, description="The remote address is on this subnet, or is it."
    )

    @property
    def selection(self) -> NetEventSelection:
        """Which events are asked for."""
        return NetEventSelection(self.since, self.before, frozenset(self.type), tuple(self.peer))

    def link(self, before: EventId) -> str:
        """A reference, relative to this request, to the page before an event."""
        parameters = [("before", str(before))]
        if isinstance(self.since, datetime):
            parameters.append(("since", self.since.isoformat()))
        elif self.since is not None:
            parameters.append(("since", str(self.since)))
        parameters += [("type", type_.value) for type_ in self.type]
        parameters += [("peer", str(peer)) for peer in self.peer]
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return "net-events?" + urlencode(parameters)


@router.get(
    "",
    dependencies=[Depends(accepts_json), Depends(given_once)],
    response_class=Response,
    responses={
        200: {
            "model": NetEventPage,
            "headers": {
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                }
            },
        },
        **problems.responses(
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            problems.NOT_SUPPORTED_BY_ENGINE,
            *problems.OF_THE_ENGINE,
        ),
    },
)
async def list_net_events(
    query: Annotated[NetEventQuery, Query()], service: ServiceDep
) -> Response:
    """List what failed of late, the newest first, explained.

    IKE's failures of main mode, quick mode and extended mode, and packets that
    IPsec dropped. The server keeps the last of them, from what the engine held
    when the server began and what it told since; what is older is gone. Follow
    `nextBefore` or the `Link` header; when both are absent, there are no more.
    """
    net_events = service.net_events
    if query.before is not None and query.before.epoch != net_events.ring.epoch:
        raise problems.ProblemError(
            problems.INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[{"parameter": "before", "reason": "Is of another run of the server"}],
        )
    found = await net_events.select(query.selection, query.limit)
    pieces = [event.text for event in found.events]
    end = b"]," + orjson.dumps(_about(found, service))[1:]
    body = HEAD + b",".join(pieces) + end
    response = PiecesResponse([body], "application/json", len(body))
    response.headers["Cache-Control"] = "no-store"
    if found.next_before is not None:
        response.headers["Link"] = f'<{query.link(found.next_before)}>; rel="next"'
    return response


def _about(found: NetEventSlice, service: Service) -> dict[str, Any]:
    """`NetEventPage` without its items."""
    net_events = service.net_events
    collection, why_not = net_events.collection, net_events.why_not
    about: dict[str, Any] = {}
    if found.next_before is not None:
        about["nextBefore"] = str(found.next_before)
    about["missed"] = found.missed
    about["collection"] = collection.value
    if collection is Collection.DISABLED:
        about["howToEnable"] = HOW_TO_ENABLE
    about["listening"] = net_events.listening.value
    about["reasons"] = [] if why_not is None or _is_told(why_not) else [_reason(why_not)]
    about["host"] = service.host
    about["engine"] = service.library.kind.value
    return about


def _is_told(why_not: Exception) -> bool:
    """Whether `collection` says it already."""
    return isinstance(why_not, NetEventsDisabled)


def _reason(why_not: Exception) -> dict[str, Any]:
    """`NotReadyReason` of a failure."""
    problem = problem_of(why_not)
    return {"code": problem.kind.code, "detail": problem.detail} | {
        name: problem.members[name]
        for name in ("winError", "winErrorName", "function")
        if name in problem.members
    }
