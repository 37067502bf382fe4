"""GUIDs as lower-case text."""

import struct
from functools import lru_cache


_FIELDS = struct.Struct("<IHH")


def guid_text(raw: bytes) -> str:
    """The text of a GUID's 16 bytes in memory: the first three fields are little-endian."""
    data1, data2, data3 = _FIELDS.unpack_from(raw)
    return f"{data1:08x}-{data2:04x}-{data3:04x}-{raw[8:10].hex()}-{raw[10:].hex()}"


well_known_guid_text = lru_cache(maxsize=4096)(guid_text)
"""The same, remembered: for layers, fields, providers and rules, which recur in every context."""
