"""The parameters of a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.repository.selection import Selection, Subnet


DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_SUBNETS: Final = 16
_SUBNET: Final = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?")


def _plain(pattern: str, reason: str) -> Callable[[Any], Any]:
    """A validator that takes text of one plain form, and not all that Python would."""
    form = re.compile(pattern)

    def validate(text: Any) -> Any:
        if isinstance(text, str) and not form.fullmatch(text):
            raise PydanticCustomError("plain", "{reason}", {"reason": reason})
        return text

    return validate


def parse_subnet(text: Any) -> Subnet:
    """An address or a subnet in CIDR notation; other notations of `ipaddress` are refused."""
    if not isinstance(text, str) or not _SUBNET.fullmatch(text):
        raise PydanticCustomError("subnet", "Should be an address or a subnet in CIDR notation")
    try:
        return ip_network(text)
    except ValueError as error:
        raise PydanticCustomError("subnet", "{reason}", {"reason": str(error)}) from None


SubnetParameter = Annotated[
    Subnet,
    BeforeValidator(parse_subnet),
    WithJsonSchema({"type": "string", "maxLength": 43, "examples": ["10.0.0.0/8", "2001:db8::1"]}),
]


class SaContextQuery(BaseModel):
    """What `GET /sa-contexts` takes."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    limit: Annotated[
        int,
        Field(ge=1),
        AfterValidator(lambda limit: min(limit, MAX_LIMIT)),
        BeforeValidator(_plain(r"-?[0-9]{1,30}", "Should be a number")),
    ] = Field(
        DEFAULT_LIMIT,
        description=f"How many contexts a page has at most; above {MAX_LIMIT} it is brought "
        f"down to {MAX_LIMIT}. It may change from page to page.",
    )
    cursor: str | None = Field(
        None,
        description="The `nextCursor` of the page before. It says all that the list needs; "
        "filters beside it must say the same.",
    )
    max_age: Annotated[
        float | None,
        BeforeValidator(_plain(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", "Should be a number of seconds")),
    ] = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="How old the snapshot of a new list may be, in seconds; 1 where it is not "
        "given. With 0 the engine is read anew. Not beside a cursor, whose snapshot is fixed.",
    )
    local_subnet: list[SubnetParameter] = Field(
        [],
        max_length=MAX_SUBNETS,
        description="Contexts with an SA whose local address is on this subnet; in tunnel mode, "
        "the tunnel's end. Repeated: on any of them.",
    )
    remote_subnet: list[SubnetParameter] = Field(
        [],
        max_length=MAX_SUBNETS,
        description="The same for the remote address. An SA must meet both.",
    )

    @model_validator(mode="after")
    def _without_age_beside_a_cursor(self) -> SaContextQuery:
        if self.cursor is not None and self.max_age is not None:
            raise PydanticCustomError("max_age", "maxAge cannot stand beside a cursor")
        return self

    @property
    def selection(self) -> Selection:
        """The filters, in one form however they are ordered or repeated."""
        return Selection(_in_order(self.local_subnet), _in_order(self.remote_subnet))

    def link(self, *, cursor: str | None, selection: Selection) -> str:
        """A reference, relative to this request, to a list or to where it goes on."""
        parameters: list[tuple[str, str]] = []
        if cursor is None:
            parameters += [("localSubnet", str(subnet)) for subnet in selection.local_subnets]
            parameters += [("remoteSubnet", str(subnet)) for subnet in selection.remote_subnets]
        else:
            parameters.append(("cursor", cursor))
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return "?" + urlencode(parameters)


def _in_order(subnets: list[Subnet]) -> tuple[Subnet, ...]:
    return tuple(
        sorted(
            set(subnets),
            key=lambda subnet: (subnet.version, subnet.network_address, subnet.prefixlen),
        )
    )
