"""The credential in the `Authorization` header of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.auth.rejections import RejectionReason


MAX_BYTES: Final = 8 << 10
"""Maximum length of the header; a token that lists many groups has a few kilobytes."""

_BEARER: Final = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/-]+=*) *")
"""The syntax of RFC 6750, 2.1; the scheme name is case-insensitive (RFC 9110, 11.1)."""


@dataclass(slots=True)
class Credential:
    """The credential of a request, not yet verified.

    Attributes:
        text: the bearer token, or the whole header value if that is malformed.
        defect: why `text` is not a bearer token; None: it is one.
    """

    text: bytes = field(repr=False)
    defect: RejectionReason | None = None


def parse_credential(headers: Iterable[tuple[bytes, bytes]]) -> Credential:
    """Return the credential in the headers of a request."""
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        return Credential(b"", RejectionReason.MISSING)
    is_single = len(values) == 1 and len(values[0]) <= MAX_BYTES
    match = _BEARER.fullmatch(values[0]) if is_single else None
    if match is None:
        return Credential(b",".join(values), RejectionReason.MALFORMED)
    return Credential(match[1])
