"""The parameters that all lists have, and the forms of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar
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

from app.repository.query.filters import Selection, Subnet
from app.schemas.names import View


T = TypeVar("T")

DEFAULT_MAX_AGE: Final = 1.0
MAX_AGE: Final = 1_000_000_000
"""Seconds, some thirty years."""
SECONDS: Final = r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_VALUES: Final = 16
"""Of one filter."""
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{1,45}")
"""The longest is an IPv6 address that ends in an IPv4 address (RFC 4291, 2.2)."""
_SUBNET: Final = re.compile(_ADDRESS.pattern + r"(/[0-9]{1,3})?")


def matching(pattern: str, reason: str) -> Callable[[Any], Any]:
    """A validator that takes text of one plain form, and not all that Python would."""
    form = re.compile(pattern)

    def validate(text: Any) -> Any:
        if isinstance(text, str) and not form.fullmatch(text):
            raise PydanticCustomError("plain", "{reason}", {"reason": reason})
        return text

    return validate


def _parse(form: re.Pattern[str], make: Callable[[str], T], what: str, text: Any) -> T:
    """What `make` gives; notations of `ipaddress` beside the form are refused."""
    if not isinstance(text, str) or not form.fullmatch(text):
        raise PydanticCustomError("address", "Should be {what}", {"what": what})
    try:
        return make(text)
    except ValueError as error:
        raise PydanticCustomError("address", "{reason}", {"reason": str(error)}) from None


def parse_subnet(text: Any) -> Subnet:
    """An address or a subnet in CIDR notation."""
    return _parse(_SUBNET, ip_network, "an address or a subnet in CIDR notation", text)


def parse_address(text: Any) -> IPv4Address | IPv6Address:
    """An address."""
    return _parse(_ADDRESS, ip_address, "an address", text)


def _number(form: str, highest: int, reason: str) -> BeforeValidator:
    """A number that is written in decimal or, where the form allows it, as 0x…."""
    validate = matching(form, reason)

    def parse(text: Any) -> int:
        number = int(validate(text), 0 if text[:2] in {"0x", "0X"} else 10)
        if number > highest:
            raise PydanticCustomError("number", "Should be at most {most}", {"most": highest})
        return number

    return BeforeValidator(parse)


SubnetParameter = Annotated[
    Subnet,
    BeforeValidator(parse_subnet),
    WithJsonSchema({"type": "string", "maxLength": 43, "examples": ["10.0.0.0/8", "2001:db8::1"]}),
]
AddressParameter = Annotated[
    IPv4Address | IPv6Address,
    BeforeValidator(parse_address),
    WithJsonSchema({"type": "string", "maxLength": 39, "examples": ["10.0.0.1", "2001:db8::1"]}),
]
Uint64Parameter = Annotated[
    int,
    _number(r"[0-9]{1,20}", (1 << 64) - 1, "Should be a number in decimal"),
    WithJsonSchema(
        {"type": "string", "pattern": "^[0-9]{1,20}$", "examples": ["9007199254740993"]}
    ),
]
SpiParameter = Annotated[
    int,
    _number(
        r"[0-9]{1,10}|0[xX][0-9A-Fa-f]{1,8}",
        (1 << 32) - 1,
        "Should be a number in decimal, or 0x and up to eight hexadecimal digits",
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^([0-9]{1,10}|0[xX][0-9A-Fa-f]{1,8})$",
            "examples": ["3735928559", "0xdeadbeef"],
        }
    ),
]


def filter_(description: str) -> Any:
    """A parameter that may be given several times, or not at all."""
    return Field([], max_length=MAX_VALUES, description=description)


class Freshness(BaseModel):
    """How old what is shown may be."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    max_age: Annotated[
        float | None,
        BeforeValidator(matching(SECONDS, "Should be a number of seconds")),
    ] = Field(
        None,
        ge=0,
        le=MAX_AGE,
        allow_inf_nan=False,
        description="How old the snapshot of a new list may be, in seconds; 1 where it is not "
        "given. With 0 the engine is read anew. Not beside a cursor, whose snapshot is fixed.",
    )

    @property
    def effective_max_age(self) -> float:
        """How old it may be, in seconds, said or not."""
        return DEFAULT_MAX_AGE if self.max_age is None else self.max_age


class Filters(BaseModel):
    """Which objects are shown. A filter given several times means any of its values.

    Attributes:
        SELECTION: what the filters are, which have the same names there.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    SELECTION: ClassVar[type[Selection]]

    @property
    def selection(self) -> Selection:
        """The filters, in one form however they are ordered or repeated."""
        selection = self.SELECTION
        return selection.of({name: getattr(self, name) for name in selection.names()})

    @property
    def has_filters(self) -> bool:
        """Whether any filter is given."""
        return not self.model_fields_set.isdisjoint(self.SELECTION.names())

    @property
    def effective_view(self) -> View:
        """How much of each object is shown; all where there is no choice."""
        view: View = getattr(self, "view", View.FULL)
        return view


class ListQuery(Filters, Freshness):
    """What all lists take: which page, beside the filters."""

    limit: Annotated[
        int,
        Field(ge=1),
        AfterValidator(lambda limit: min(limit, MAX_LIMIT)),
        BeforeValidator(matching(r"-?[0-9]{1,30}", "Should be a number")),
    ] = Field(
        DEFAULT_LIMIT,
        description=f"How many items a page has at most; above {MAX_LIMIT} it is brought "
        f"down to {MAX_LIMIT}. It may change from page to page.",
    )
    cursor: str | None = Field(
        None,
        description="The `nextCursor` of the page before. It says all that the list needs; "
        "filters beside it must say the same.",
    )

    @model_validator(mode="after")
    def _without_age_beside_a_cursor(self) -> Self:
        if self.cursor is not None and self.max_age is not None:
            raise PydanticCustomError("max_age", "maxAge cannot stand beside a cursor")
        return self

    def link(self, *, cursor: str | None, selection: Selection, view: View) -> str:
        """A reference, relative to this request, to a list or to where it goes on.

        It has a path, for not all clients resolve a mere query as RFC 3986 (5.4.1) says: of `?`
        alone some make the very URL that it is to replace.
        """
        parameters: list[tuple[str, str]] = []
        if cursor is None:
            parameters += [
                (to_camel(name), text)
                for name, texts in selection.texts().items()
                for text in texts
            ]
            if view is not View.FULL:
                parameters.append(("view", view.value))
        else:
            parameters.append(("cursor", cursor))
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return self.SELECTION.LIST + ("?" + urlencode(parameters) if parameters else "")
