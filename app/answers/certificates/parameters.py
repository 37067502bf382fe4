"""Query parameters of `/certificates`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Self
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from app.answers.certificates.inventory import CertificateSelection, end_of
from app.answers.certificates.names import CertificateSide
from app.answers.times import PeriodParameter, parse_period
from app.api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Freshness,
    LimitParameter,
    filter_,
    matching,
)


PATH: Final = "certificates"
_HASH: Final = "([0-9A-Fa-f]{2}){1,64}"

ThumbprintParameter = Annotated[
    str,
    BeforeValidator(matching(_HASH, "Should be a thumbprint in hexadecimal")),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_HASH}$",
            "maxLength": 128,
            "examples": ["a909502dd82ae41433e6f83886b00d4277a32a7b"],
        }
    ),
]


class CertificateQuery(Freshness):
    """Query parameters of `GET /certificates`."""

    limit: LimitParameter = Field(
        DEFAULT_LIMIT,
        description=f"The maximum number of items per page; values above {MAX_LIMIT} are "
        f"reduced to {MAX_LIMIT}. It may change from page to page.",
    )
    side: list[CertificateSide] = filter_("Who authenticates with the certificate.")
    expires_within: PeriodParameter | None = Field(
        None,
        description="A period, such as `30d`, `12h` or `0s`: only certificates that expire within "
        "it, or have expired. Those whose expiry is unknown, such as peers', do not match.",
    )
    cursor: ThumbprintParameter | None = Field(
        None, description="The `nextCursor` of the previous page; send the same filters."
    )

    @model_validator(mode="after")
    def _reject_max_age_with_cursor(self) -> Self:
        if self.cursor is not None and self.max_age is not None:
            raise PydanticCustomError("max_age", "maxAge cannot be combined with a cursor")
        return self

    @property
    def selection(self) -> CertificateSelection:
        """The selection that these parameters describe."""
        within = self.expires_within
        return CertificateSelection(
            frozenset(self.side),
            None if within is None else end_of(parse_period(within), datetime.now(UTC)),
        )

    @property
    def after(self) -> bytes | None:
        """The last hash of the previous page."""
        return None if self.cursor is None else bytes.fromhex(self.cursor)

    def link(self, cursor: str) -> str:
        """Return the relative URL of the next page."""
        parameters = [("cursor", cursor)]
        parameters += [("side", side.value) for side in self.side]
        if self.expires_within is not None:
            parameters.append(("expiresWithin", self.expires_within))
        if "limit" in self.model_fields_set:
            parameters.append(("limit", str(self.limit)))
        return f"{PATH}?{urlencode(parameters)}"
