"""`/net-events`: what failed of late, of IKE's negotiations and of IPsec's packets, explained."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Header, Query, Response
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
from app.api.dependencies import ServiceDep, accepts_events, accepts_json, given_once
from app.api.errors import problem_of
from app.api.event_stream import MEDIA_TYPE, EventStream
from app.api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_VALUES,
    SubnetParameter,
)
from app.api.streaming import PiecesResponse
from app.repository.net_event_ring import EventId, NetEventSelection, NetEventSlice
from app.repository.net_event_watch import NetEventWatch
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

EVENT_ID_SCHEMA: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{12}-[0-9]{1,19}$",
    "examples": ["b893933fedc9-17"],
}
UNKNOWN: Final = EventId("", 0)
"""An event of no run."""

EVENTS: Final = {
    "net_event": "NetEvent",
    "reset": "NetEventPlace",
    "bookmark": "NetEventPlace",
    "reconnect": "StreamEnd",
}
"""The shape of each event's data."""

router = APIRouter(prefix="/net-events", tags=["Net events"])


def _number(text: Any) -> Any:
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        raise PydanticCustomError("number", "Should be a number")
    return text


def _read_event_id(text: str) -> EventId | None:
    found = _EVENT_ID.fullmatch(text)
    return None if found is None else EventId(found[1], int(found[2]))


def _read_place(text: str) -> EventId | datetime | None:
    """An event or a time (RFC 3339)."""
    event_id = _read_event_id(text)
    if event_id is None and _RFC_3339.fullmatch(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text.upper())
    return event_id


def _event_id(text: Any) -> Any:
    if not isinstance(text, str) or _read_event_id(text) is None:
        raise PydanticCustomError("event_id", "Should be the id of an event")
    return text


def _event_id_or_time(text: Any) -> Any:
    if not isinstance(text, str) or _read_place(text) is None:
        raise PydanticCustomError("since", "Should be the id of an event or a time as in RFC 3339")
    return text


class NetEventFilters(BaseModel):
    """Which events are asked for. A filter given several times means any of its values."""

    model_config = ConfigDict(extra="forbid")

    type: list[NetEventType] = Field(
        [], max_length=MAX_VALUES, description="What kind of failure it was."
    )
    peer: list[SubnetParameter] = Field(
        [], max_length=MAX_VALUES, description="The remote address is on this subnet, or is it."
    )


class NetEventStreamQuery(NetEventFilters):
    """What `GET /net-events/stream` takes."""

    since: Annotated[str | None, BeforeValidator(_event_id), WithJsonSchema(EVENT_ID_SCHEMA)] = (
        Field(
            None,
            description="Begin after the event of this id: the newest of a list, for instance. A "
            "client that comes again sends `Last-Event-ID`, which counts instead.",
        )
    )

    @property
    def selection(self) -> NetEventSelection:
        """Which events are asked for."""
        return NetEventSelection(types=frozenset(self.type), peers=tuple(self.peer))


class NetEventQuery(NetEventFilters):
    """What `GET /net-events` takes."""

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
        str | None,
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
        str | None,
        BeforeValidator(_event_id),
        WithJsonSchema(EVENT_ID_SCHEMA),
    ] = Field(
        None, description="Only events before the one of this id: the `nextBefore` of a page."
    )

    @property
    def selection(self) -> NetEventSelection:
        """Which events are asked for."""
        return NetEventSelection(
            None if self.since is None else _read_place(self.since),
            None if self.before is None else _read_event_id(self.before),
            frozenset(self.type),
            tuple(self.peer),
        )

    def link(self, before: EventId) -> str:
        """A reference, relative to this request, to the page before an event."""
        parameters = [("before", str(before))]
        if self.since is not None:
            parameters.append(("since", self.since))
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
    before = query.selection.before
    if before is not None and before.epoch != net_events.ring.epoch:
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


@router.get(
    "/stream",
    dependencies=[Depends(accepts_events), Depends(given_once)],
    response_class=Response,
    responses={
        200: {
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "type": "string",
                        "description": "Server-Sent Events: "
                        + ", ".join(f"`{name}` (`{shape}`)" for name, shape in EVENTS.items()),
                    },
                    "x-itemSchema": {  # OpenAPI 3.2's `itemSchema`, which tools refuse as yet
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{shape}"}
                            for shape in dict.fromkeys(EVENTS.values())
                        ]
                    },
                }
            },
        },
        **problems.responses(
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            problems.TOO_MANY_STREAMS,
            problems.NOT_SUPPORTED_BY_ENGINE,
            *problems.OF_THE_ENGINE,
        ),
    },
)
async def watch_net_events(
    query: Annotated[NetEventStreamQuery, Query()],
    service: ServiceDep,
    last_event_id: Annotated[
        str | None,
        Header(description="The id of the last event that the client has, when it comes again."),
    ] = None,
) -> Response:
    """Watch what fails, as it happens, explained.

    Server-Sent Events: `net_event` for each, with its id, resumed by `Last-Event-ID` or `since`
    for as long as the server keeps what came after. Where it does not, or the id is of another
    run of the server, there is one `reset`: list again, and go on. Without an id the stream
    begins with what is to come.
    """
    after = None if query.since is None else _read_event_id(query.since)
    if last_event_id:
        after = _read_event_id(last_event_id) or UNKNOWN
    watch = NetEventWatch(service.net_events, query.selection, after)
    return EventStream(watch, service.streams)


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
