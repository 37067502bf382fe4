"""GUIDs as lower-case text."""

import struct
from functools import lru_cache


_IN_MEMORY = struct.Struct("<IHH8s")
_AS_WRITTEN = struct.Struct(">IHH8s")


def guid_text(raw: bytes) -> str:
    """Return a GUID as text, from its 16 bytes in memory (first three fields little-endian)."""
    digits = _AS_WRITTEN.pack(*_IN_MEMORY.unpack(raw)).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


well_known_guid_text = lru_cache(maxsize=4096)(guid_text)
"""`guid_text` with a cache, for GUIDs that recur in many contexts, such as those of layers.

Do not use it for GUIDs that are unique to one context: they would evict the recurring ones.
"""
