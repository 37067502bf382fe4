"""The query parameters that all lists share, and the types of parameters."""

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

from app.repository.changes.journal import EVENT_ID
from app.repository.query.filters import Selection, Subnet
from app.schemas.names import View


T = TypeVar("T")

DEFAULT_MAX_AGE: Final = 1.0
"""In seconds."""
MAX_AGE: Final = 1_000_000_000
"""In seconds; about thirty years."""
SECONDS: Final = r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_VALUES: Final = 16
"""Maximum number of values of one filter."""
MAX_NAME_LENGTH: Final = 256
MAX_NAMES_LENGTH: Final = 1024
"""Maximum number of characters in all values of one filter on names, because cursors have them."""
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{1,45}")
"""The longest form is an IPv6 address that ends in an IPv4 address (RFC 4291, 2.2)."""
_SUBNET: Final = re.compile(_ADDRESS.pattern + r"(/[0-9]{1,3})?")


def matching(pattern: str, reason: str) -> Callable[[Any], Any]:
    """Return a validator that requires text to match a pattern.

    Python's parsers alone would accept further notations.

    Args:
        pattern: the pattern, which must match the whole text.
        reason: the message of the error.
    """
    compiled = re.compile(pattern)

    def validate(text: Any) -> Any:
        if isinstance(text, str) and not compiled.fullmatch(text):
            raise PydanticCustomError("plain", "{reason}", {"reason": reason})
        return text

    return validate


def _parse(pattern: re.Pattern[str], parse: Callable[[str], T], what: str, text: Any) -> T:
    """Parse text; the pattern excludes some notations that `ipaddress` accepts."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise PydanticCustomError("address", "Should be {what}", {"what": what})
    try:
        return parse(text)
    except PydanticCustomError:  # a ValueError, too
        raise
    except ValueError:
        raise PydanticCustomError("address", "Should be {what}", {"what": what}) from None


def parse_subnet(text: Any) -> Subnet:
    """Parse an IP address, or a subnet in CIDR notation."""
    return _parse(_SUBNET, _network, "an address or a subnet in CIDR notation", text)


def _network(text: str) -> Subnet:
    network = ip_network(text, strict=False)
    if "/" in text and network.network_address != ip_address(text.partition("/")[0]):
        raise PydanticCustomError(
            "address", "Has host bits set: write {network}", {"network": str(network)}
        )
    return network


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
    """Return the validator and the schema of a decimal number of at most `bits` bits."""
    pattern = f"[0-9]{{1,{len(str((1 << bits) - 1))}}}"
    validate = matching(pattern, "Should be a decimal number")
    schema = {"type": "string", "pattern": f"^{pattern}$", "examples": [f"{example}"]}
    return BeforeValidator(lambda text: _limited(int(validate(text)), bits)), WithJsonSchema(schema)


def _number(bits: int, example: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return the validator and the schema of a number: decimal, or hexadecimal with 0x.

    Hexadecimal numbers require 0x, because a text such as `10` would be ambiguous.
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
"""An id in a path, in decimal only: a hexadecimal form would give the object a second URL."""
Uint64Parameter = Annotated[int, *_number(64, 9007199254740993)]
Uint32Parameter = Annotated[int, *_number(32, 0xC9250CE6)]
Uint16Parameter = Annotated[int, *_number(16, 4500)]


def _limit_characters(patterns: list[str]) -> list[str]:
    if sum(map(len, patterns)) > MAX_NAMES_LENGTH:
        raise PydanticCustomError(
            "names",
            "Should have at most {maximum} characters in all values",
            {"maximum": MAX_NAMES_LENGTH},
        )
    return patterns


NamePattern = Annotated[
    str,
    BeforeValidator(
        matching(
            rf"[^\x00-\x1f\x7f]{{1,{MAX_NAME_LENGTH}}}",
            f"Should be a name of 1 to {MAX_NAME_LENGTH} characters, or its beginning and *",
        )
    ),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_NAME_LENGTH,
            "examples": ["host/web01.corp.example", "CORP\\*"],
        }
    ),
]
NamePatterns = Annotated[list[NamePattern], AfterValidator(_limit_characters)]
"""The values of a filter on names: each a name, or its beginning and `*`. Case is ignored."""


LimitParameter = Annotated[
    int,
    Field(ge=1),
    AfterValidator(lambda limit: min(limit, MAX_LIMIT)),
    BeforeValidator(matching(r"-?[0-9]{1,30}", "Should be a number")),
]
"""The maximum number of items per page; values above `MAX_LIMIT` are reduced to it."""


def filter_(description: str) -> Any:
    """Return the field of an optional filter, which may be repeated."""
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
        """The maximum age in seconds: the given one, or the default."""
        return DEFAULT_MAX_AGE if self.max_age is None else self.max_age


_SINCE_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^{EVENT_ID.pattern}$",
    "examples": ["8f14e45fceea-17"],
}

SinceParameter = Annotated[
    str | None,
    BeforeValidator(
        matching(EVENT_ID.pattern, "Should be the id of an event, or <epoch>-<revision>")
    ),
    WithJsonSchema(_SINCE_SCHEMA),
    Field(
        description="Resume after this position: the id of an event, or `<epoch>-<revision>` of "
        "a snapshot. A client that reconnects sends `Last-Event-ID`, which takes precedence."
    ),
]
"""The position at which a stream resumes."""


class Filters(BaseModel):
    """The filters of a list. A repeated filter matches any of its values.

    Attributes:
        SELECTION: the class of `selection`; its fields have the names of the filters.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    SELECTION: ClassVar[type[Selection]]

    @property
    def selection(self) -> Selection:
        """The filters in canonical form: their order and repeated values make no difference."""
        selection = self.SELECTION
        return selection.of({name: getattr(self, name) for name in selection.names()})

    @property
    def has_filters(self) -> bool:
        """Whether any filter is given."""
        return not self.model_fields_set.isdisjoint(self.SELECTION.names())

    @property
    def effective_view(self) -> View:
        """How much of each object to show: everything if the list has no parameter `view`."""
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
        """Return a reference, relative to the request's URL, to a new list or to a cursor's page.

        The reference includes a path, because some clients do not resolve a bare query as RFC 3986
        (5.4.1) requires: they resolve `?` to the request's URL with its old query.

        Args:
            cursor: the cursor; None: a new list.
            selection: the filters of a new list.
            view: the view of a new list.
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
