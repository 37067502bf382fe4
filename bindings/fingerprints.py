"""Marks: what tells a context that changed from one that did not, before it is decoded."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Final

from bindings.memory import RawTree


FINGERPRINT_BYTES: Final = 16

_MARSHAL_VERSION: Final = 2
"""Later versions write down which objects are the same, and not only which are equal."""


def fingerprint(context: RawTree, *beside: str | None) -> bytes:
    """A digest of a context and of what else belongs to it.

    Contexts of equal marks have equal records, for a plain context is all that
    a record is made of. Marks mean something within one process only.
    """
    return blake2b(
        marshal.dumps((context, beside), _MARSHAL_VERSION), digest_size=FINGERPRINT_BYTES
    ).digest()
