"""Fingerprints: digests of raw trees, to detect changed objects without decoding them."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Final

from bindings.memory import RawTree


FINGERPRINT_BYTES: Final = 16

_MARSHAL_VERSION: Final = 2
"""Later versions encode object identity, so that equal trees could have unequal fingerprints."""


def fingerprint(tree: RawTree, *annotations: str | None) -> bytes:
    """Return the digest of a raw tree and its annotations.

    The annotations are texts from outside the tree, such as the names of interfaces.
    Equal fingerprints mean equal records, because a raw tree holds everything that its
    record contains. Compare fingerprints only within one process.
    """
    return blake2b(
        marshal.dumps((tree, annotations), _MARSHAL_VERSION), digest_size=FINGERPRINT_BYTES
    ).digest()
