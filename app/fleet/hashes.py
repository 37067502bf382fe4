"""Hashes of content, by which an agent and a hub find out cheaply where they differ.

They protect against faults, not against a lying host, which writes only its own content.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final


HASH_BYTES: Final = 8
_MODULUS: Final = 1 << (8 * HASH_BYTES)


def hash_of(object_id: int, json: bytes) -> bytes:
    """Return the hash of an object: BLAKE2b (RFC 7693) of its id and its JSON text."""
    return blake2b(b"%d\0%b" % (object_id, json), digest_size=HASH_BYTES).digest()


class Digest:
    """A digest of a set of objects that can be kept up to date: the sum of their hashes.

    Attributes:
        count: the number of objects.
    """

    def __init__(self, hashes: Iterable[bytes] = (), *, count: int = 0, text: str = "") -> None:
        """Create a digest.

        Args:
            hashes: the hashes of all objects.
            count: the number of objects of an existing digest.
            text: the text of an existing digest.
        """
        self.count = count
        self._sum = int(text or "0", 16)
        for each in hashes:
            self.add(each)

    def add(self, object_hash: bytes) -> None:
        """Add an object."""
        self.count += 1
        self._sum = (self._sum + int.from_bytes(object_hash, "big")) % _MODULUS

    def remove(self, object_hash: bytes) -> None:
        """Remove an object."""
        self.count -= 1
        self._sum = (self._sum - int.from_bytes(object_hash, "big")) % _MODULUS

    @property
    def text(self) -> str:
        """The digest in hexadecimal."""
        return f"{self._sum:0{2 * HASH_BYTES}x}"
