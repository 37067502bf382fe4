"""Views: how much of a context is shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final


_CUTS: Final = ((b'"ipsecId":', b'"napContext":'), (b'"filterCondition":[', b'"action":'))
"""From where to where `view=basic` leaves out. Within a text of JSON no quote stands unescaped,
so that none of these can be found but where it is a member's name."""


def basic_view(texts: bytes) -> bytes:
    """The JSON text of one context, or of several, without identities and filter conditions."""
    for begin, end in _CUTS:
        before, *rest = texts.split(begin)
        texts = b"".join(chain((before,), _from(end, rest)))
    return texts


def _from(end: bytes, parts: list[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part[part.index(end) :]
