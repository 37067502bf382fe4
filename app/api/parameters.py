"""The query parameters of all lists, and the parameter types that resources use."""

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
"""Seconds."""
MAX_AGE: Final = 1_000_000_000
"""Seconds, some thirty years."""
SECONDS: Final = r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_VALUES: Final = 16
"""Maximum number of values of one filter."""
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{1,45}")
"""The longest is an IPv6 address that ends in an IPv4 address (RFC 4291, 2.2)."""
_SUBNET: Final = re.compile(_ADDRESS.pattern + r"(/[0-9]{1,3})?")


def matching(pattern: str, reason: str) -> Callable[[Any], Any]:
    """Return a validator that requires text to match a pattern, stricter than Python's parsers."""
    compiled = re.compile(pattern)

    def validate(text: Any) -> Any:
        if isinstance(text, str) and not compiled.fullmatch(text):
            raise PydanticCustomError("plain", "{reason}", {"reason": reason})
        return text

    return validate


def _parse(pattern: re.Pattern[str], parse: Callable[[str], T], what: str, text: Any) -> T:
    """Parse text that matches a pattern; `ipaddress` alone accepts further notations."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise PydanticCustomError("address", "Should be {what}", {"what": what})
    try:
        return parse(text)
    except ValueError as error:
        raise PydanticCustomError("address", "{reason}", {"reason": str(error)}) from None


def parse_subnet(text: Any) -> Subnet:
    """Parse an IP address, or a subnet in CIDR notation."""
    return _parse(_SUBNET, ip_network, "an address or a subnet in CIDR notation", text)


def parse_address(text: Any) -> IPv4Address | IPv6Address:
    """Parse an IP address."""
    return _parse(_ADDRESS, ip_address, "an address", text)


def _limited(number: int, bits: int) -> int:
    if number >> bits:
        raise PydanticCustomError(
            "number", "Should be at most {maximum}", {"maximum": (1 << bits) - 1}
        )
    return number


def _decimal(bits: int, example: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return the validator and the schema of a decimal number."""
    pattern = f"[0-9]{{1,{len(str((1 << bits) - 1))}}}"
    validate = matching(pattern, "Should be a decimal number")
    schema = {"type": "string", "pattern": f"^{pattern}$", "examples": [f"{example}"]}
    return BeforeValidator(lambda text: _limited(int(validate(text)), bits)), WithJsonSchema(schema)


def _number(bits: int, example: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return the validator and the schema of a number, in decimal or, with 0x, in hexadecimal.

    A hexadecimal number without 0x is rejected: one without letters would be read as decimal.
    """
    digits, hex_digits = len(str((1 << bits) - 1)), bits // 4
    pattern = f"[0-9]{{1,{digits}}}|0[xX][0-9A-Fa-f]{{1,{hex_digits}}}"
    bare = re.compile(f"[0-9A-Fa-f]{{1,{hex_digits}}}")
    reason = f"Should be a decimal number, or 0x and up to {hex_digits} hexadecimal digits"
    validate = matching(pattern, reason)

    def parse(text: Any) -> int:
        if isinstance(text, str) and bare.fullmatch(text) and not text.isdecimal():
            raise PydanticCustomError(
                "number", "Hexadecimal numbers begin with 0x: write 0x{digits}", {"digits": text}
            )
        return _limited(int(validate(text), 0 if text[:2] in {"0x", "0X"} else 10), bits)

    schema = {
        "type": "string",
        "pattern": f"^({pattern})$",
        "examples": [f"{example}", f"{example:#x}"],
    }
    return BeforeValidator(parse), WithJsonSchema(schema)


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
IdInPath = Annotated[int, *_decimal(64, 9007199254740993)]
"""An object has one URL: its id is decimal there."""
Uint64Parameter = Annotated[int, *_number(64, 9007199254740993)]
Uint32Parameter = Annotated[int, *_number(32, 0xC9250CE6)]


LimitParameter = Annotated[
    int,
    Field(ge=1),
    AfterValidator(lambda limit: min(limit, MAX_LIMIT)),
    BeforeValidator(matching(r"-?[0-9]{1,30}", "Should be a number")),
]
"""The size of a page; values above the maximum are reduced to it."""


def filter_(description: str) -> Any:
    """Return the field of an optional filter that may be repeated."""
    return Field([], max_length=MAX_VALUES, description=description)


class Freshness(BaseModel):
    """The maximum age of the snapshot that a response shows."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    max_age: Annotated[
        float | None,
        BeforeValidator(matching(SECONDS, "Should be a number of seconds")),
    ] = Field(
        None,
        ge=0,
        le=MAX_AGE,
        allow_inf_nan=False,
        description="The maximum age in seconds of the snapshot of a new list; 1 by default. "
        "0 forces a refresh. Not allowed with a cursor, whose snapshot is fixed.",
    )

    @property
    def effective_max_age(self) -> float:
        """The maximum age in seconds, or the default if none is given."""
        return DEFAULT_MAX_AGE if self.max_age is None else self.max_age


class Filters(BaseModel):
    """The filters of a list. A repeated filter matches any of its values.

    Attributes:
        SELECTION: the selection built from the filters; its fields have the filters' names.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    SELECTION: ClassVar[type[Selection]]

    @property
    def selection(self) -> Selection:
        """The filters in canonical form, whatever their order and repetitions."""
        selection = self.SELECTION
        return selection.of({name: getattr(self, name) for name in selection.names()})

    @property
    def has_filters(self) -> bool:
        """Whether any filter is given."""
        return not self.model_fields_set.isdisjoint(self.SELECTION.names())

    @property
    def effective_view(self) -> View:
        """How much of each object to show; everything if the list has no `view`."""
        view: View = getattr(self, "view", View.FULL)
        return view


class ListQuery(Filters, Freshness):
    """The parameters that all lists share: filters, maximum age and paging."""

    limit: LimitParameter = Field(
        DEFAULT_LIMIT,
        description=f"The maximum number of items per page; values above {MAX_LIMIT} are "
        f"reduced to {MAX_LIMIT}. It may change from page to page.",
    )
    cursor: str | None = Field(
        None,
        description="The `nextCursor` of the previous page. It contains the filters and the view; "
        "if you also send these, they must be identical.",
    )

    @model_validator(mode="after")
    def _reject_max_age_with_cursor(self) -> Self:
        if self.cursor is not None and self.max_age is not None:
            raise PydanticCustomError("max_age", "maxAge cannot be combined with a cursor")
        return self

    def link(self, *, cursor: str | None, selection: Selection, view: View) -> str:
        """Return a reference, relative to the request's URL, to a new list or a cursor's page.

        It includes a path because not all clients resolve a reference that is only a query as
        RFC 3986 (5.4.1) requires: some resolve a bare `?` to the base URL with its query.
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
