"""Query parameters of `/net-events` and its stream."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    LimitParameter,
    SubnetParameter,
    filter_,
)
from app.resources.net_events.buffer import EventId, NetEventSelection
from app.resources.net_events.names import NetEventType, SaRole
from app.resources.wfp.failure_codes import MAX_LENGTH, read_code
from app.schemas.names import KeyModule
from app.schemas.times import TIME_PATTERN, read_time


_EVENT_ID: Final = re.compile(r"([0-9a-f]{12})-([0-9]{1,19})")
_RAS_IKE: Final = re.compile(r"(?i:ras)-1[0-9]{4}")
POSITION_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^([0-9a-f]{{12}}-[0-9]{{1,19}}|{TIME_PATTERN})$",
    "examples": ["b893933fedc9-17", "2026-11-23T23:53:23Z"],
}
EVENT_ID_SCHEMA: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{12}-[0-9]{1,19}$",
    "examples": ["b893933fedc9-17"],
}


def read_event_id(text: str) -> EventId | None:
    """Parse an event id; return None if the text is not one."""
    match = _EVENT_ID.fullmatch(text)
    return None if match is None else EventId(match[1], int(match[2]))


def _read_position(text: str) -> EventId | datetime | None:
    """Parse an event id or a time (RFC 3339); return None if the text is neither."""
    event_id = read_event_id(text)
    if event_id is None:
        with suppress(ValueError):
            return read_time(text)
    return event_id


def _require_event_id(text: Any) -> Any:
    if not isinstance(text, str) or read_event_id(text) is None:
        raise PydanticCustomError("event_id", "Should be the id of an event")
    return text


def _require_position(text: Any) -> Any:
    if not isinstance(text, str) or _read_position(text) is None:
        raise PydanticCustomError("since", "Should be the id of an event or a time as in RFC 3339")
    return text


def _require_error(text: Any) -> Any:
    """Parse an error: a code, or `ras-` and a code of IKE, which RAS passes on."""
    code = None
    if isinstance(text, str) and len(text) <= MAX_LENGTH:
        code = read_code(text[4:] if _RAS_IKE.fullmatch(text) else text)
    if code is None:
        raise PydanticCustomError(
            "error_code",
            "Should be an error's number (13868, -2146762487, 0x800b0109) or name "
            "(ERROR_IPSEC_IKE_POLICY_MATCH). Net events have no event ids, and no errors of RAS "
            "below 13800.",
        )
    return code


ErrorParameter = Annotated[
    int,
    BeforeValidator(_require_error),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_LENGTH,
            "examples": ["13868", "0x800b0109", "ERROR_IPSEC_IKE_POLICY_MATCH"],
        }
    ),
]


class NetEventFilters(BaseModel):
    """Filters of net events.

    An event matches if it meets all filters. It meets a repeated filter if it matches any of the
    filter's values.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    type: list[NetEventType] = filter_("The type of the event.")
    remote_subnet: list[SubnetParameter] = filter_(
        "The remote address is on this subnet, or equals this address."
    )
    error: list[ErrorParameter] = filter_(
        "The error: its number in decimal, signed or unsigned, or, with 0x, in hexadecimal; or "
        "its name in winerror.h or ntstatus.h."
    )
    sa_role: list[SaRole] = filter_(
        "The role of this host in the negotiation. Dropped packets have none."
    )
    key_module: list[KeyModule] = filter_(
        "The keying module that negotiated; for extended mode, always `authip`. Dropped packets "
        "have none."
    )

    def narrowed(
        self, since: EventId | datetime | None = None, before: EventId | None = None
    ) -> NetEventSelection:
        """Return the selection of these filters between two positions."""
        return NetEventSelection(
            since,
            before,
            frozenset(self.type),
            tuple(self.remote_subnet),
            frozenset(self.error),
            frozenset(self.sa_role),
            frozenset(self.key_module),
        )

    def parameters(self) -> list[tuple[str, str]]:
        """Return the filters as query parameters."""
        return [
            *(("type", type_.value) for type_ in self.type),
            *(("remoteSubnet", str(subnet)) for subnet in self.remote_subnet),
            *(("error", str(error)) for error in self.error),
            *(("saRole", role.value) for role in self.sa_role),
            *(("keyModule", module.value) for module in self.key_module),
        ]


class NetEventStreamQuery(NetEventFilters):
    """Query parameters of `GET /net-events/events`."""

    since: Annotated[
        str | None, BeforeValidator(_require_event_id), WithJsonSchema(EVENT_ID_SCHEMA)
    ] = Field(
        None,
        description="Begin after the event with this id, for instance the newest of a list. A "
        "client that reconnects sends `Last-Event-ID`, which takes precedence.",
    )

    @property
    def selection(self) -> NetEventSelection:
        """The selection that these parameters describe."""
        return self.narrowed()


class NetEventQuery(NetEventFilters):
    """Query parameters of `GET /net-events`."""

    limit: LimitParameter = Field(
        DEFAULT_LIMIT,
        description=f"Maximum number of events per page. Values above {MAX_LIMIT} are reduced to "
        f"{MAX_LIMIT}.",
    )
    since: Annotated[
        str | None,
        BeforeValidator(_require_position),
        WithJsonSchema(POSITION_SCHEMA),
    ] = Field(
        None,
        description="Only events after the one with this id, or at or after this time. To poll for "
        "new events, pass the id of the newest event received.",
    )
    cursor: Annotated[
        str | None,
        BeforeValidator(_require_event_id),
        WithJsonSchema(EVENT_ID_SCHEMA),
    ] = Field(
        None,
        description="Only events before the one with this id: the `nextCursor` of a page.",
    )

    @property
    def selection(self) -> NetEventSelection:
        """The selection that these parameters describe."""
        return self.narrowed(
            None if self.since is None else _read_position(self.since),
            None if self.cursor is None else read_event_id(self.cursor),
        )

    def link(self, before: EventId) -> str:
        """Return the relative URL of the next page, which has the events older than `before`."""
        parameters = [("cursor", str(before))]
        if self.since is not None:
            parameters.append(("since", self.since))
        parameters += self.parameters()
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return "net-events?" + urlencode(parameters)
