"""Views: the parts of a context's JSON that a list contains."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final


_CUTS: Final = ((b'"ipsecId":', b'"napContext":'), (b'"filterCondition":[', b'"action":'))
"""The start of each member that `view=basic` omits, and the start of the member that follows it.

Quotes inside JSON strings are escaped. These byte sequences therefore occur only as member names.
"""


def basic_view(texts: bytes) -> bytes:
    """Remove identities and filter conditions from the JSON of one or more contexts."""
    for start, end in _CUTS:
        before, *rest = texts.split(start)
        texts = b"".join(chain((before,), _skip_to(end, rest)))
    return texts


def _skip_to(end: bytes, parts: list[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part[part.index(end) :]
