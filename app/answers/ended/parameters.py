"""Query parameters of `/sa-contexts/ended`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.answers.ended.buffer import EndedSelection, RowId
from app.answers.times import SinceParameter, parse_since
from app.api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    AddressParameter,
    LimitParameter,
    NamePatterns,
    filter_,
)
from app.schemas.names import EndReason


PATH: Final = "ended"
_ROW_ID: Final = re.compile(r"([0-9a-f]{12})-([0-9]{1,19})")
ROW_ID_SCHEMA: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{12}-[0-9]{1,19}$",
    "examples": ["b893933fedc9-17"],
}


def _validate_row_id(text: Any) -> Any:
    if not isinstance(text, str) or not _ROW_ID.fullmatch(text):
        raise PydanticCustomError("cursor", "Should be the nextCursor of a page")
    return text


class EndedQuery(BaseModel):
    """Query parameters of `GET /sa-contexts/ended`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    limit: LimitParameter = Field(
        DEFAULT_LIMIT,
        description=f"Maximum number of contexts per page. Values above {MAX_LIMIT} are reduced "
        f"to {MAX_LIMIT}.",
    )
    since: SinceParameter | None = Field(
        None,
        description="A time (RFC 3339), or how long ago, such as `90s`, `10m`, `2h` or `1d`: only "
        "contexts that ended then or later.",
    )
    end_reason: list[EndReason] = filter_("Why the context probably ended.")
    remote_address: list[AddressParameter] = filter_("A remote address of the context.")
    principal_name: NamePatterns = filter_(
        "A name of the peer, without regard to case; one that ends in `*` matches all names that "
        "begin with the rest."
    )
    cursor: Annotated[
        str | None, BeforeValidator(_validate_row_id), WithJsonSchema(ROW_ID_SCHEMA)
    ] = Field(None, description="The `nextCursor` of the previous page; send the same filters.")

    @property
    def selection(self) -> EndedSelection:
        """The selection that these parameters describe."""
        match = None if self.cursor is None else _ROW_ID.fullmatch(self.cursor)
        return EndedSelection(
            None if self.since is None else parse_since(self.since),
            None if match is None else RowId(match[1], int(match[2])),
            frozenset(self.end_reason),
            tuple(self.remote_address),
            tuple(self.principal_name),
        )

    def link(self, before: RowId) -> str:
        """Return the relative URL of the next page, which has the rows before this one."""
        parameters = [("cursor", str(before))]
        if self.since is not None:
            parameters.append(("since", self.since))
        parameters += [("endReason", reason.value) for reason in self.end_reason]
        parameters += [("remoteAddress", str(address)) for address in self.remote_address]
        parameters += [("principalName", name) for name in self.principal_name]
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return f"{PATH}?{urlencode(parameters)}"
