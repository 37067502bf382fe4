"""Views: which parts of a context's JSON a list contains."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final


_CUTS: Final = ((b'"ipsecId":', b'"napContext":'), (b'"filterCondition":[', b'"action":'))
"""The members that `view=basic` omits: the start of each and the start of the next member.

Quotes inside JSON strings are escaped, so these byte sequences occur as member names only."""


def basic_view(texts: bytes) -> bytes:
    """Remove identities and filter conditions from the JSON of one or more contexts."""
    for start, end in _CUTS:
        before, *rest = texts.split(start)
        texts = b"".join(chain((before,), _skip_to(end, rest)))
    return texts


def _skip_to(end: bytes, parts: list[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part[part.index(end) :]
