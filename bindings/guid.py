"""GUIDs as lower-case text."""

import struct
from functools import lru_cache


_IN_MEMORY = struct.Struct("<IHH8s")
_AS_WRITTEN = struct.Struct(">IHH8s")


def guid_text(raw: bytes) -> str:
    """The text of a GUID's 16 bytes in memory: the first three fields are little-endian."""
    digits = _AS_WRITTEN.pack(*_IN_MEMORY.unpack(raw)).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


well_known_guid_text = lru_cache(maxsize=4096)(guid_text)
"""The same, remembered: for layers, fields and providers, which recur in every context.

GUIDs that no other context has would drive these out.
"""
