"""Masking the lines of a capture: values that may identify a host are replaced by stand-ins.

All texts, SIDs and bytes (hashes, subjects, paths in blobs) are replaced. GUIDs and numbers are
kept, except for IP addresses, which are replaced.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from bindings.addresses import Ipv6Order
from bindings.capture.file import Line
from bindings.capture.layout import BYTE, NUMBER, SID, TEXT, captured, name_of
from bindings.capture.structs import Role
from bindings.memory import GUID
from bindings.well_known import CONDITION_FIELDS


V6_BITS: Final = 128

_TRANSPARENT: Final = frozenset({"FWP_VALUE0", "FWP_CONDITION_VALUE0", "FWP_RANGE0"})
"""Structs whose members inherit the role of the field that contains the struct."""

_NUMBERS: Final = frozenset(
    key for key, name in CONDITION_FIELDS.items() if "address" not in name or "type" in name
)
"""Fields of filter conditions that never contain an address.

A number in any other field may be an address.
"""


class StandIns(Protocol):
    """The source of stand-ins. Equal values must have equal stand-ins."""

    def ipv4(self, packed: bytes) -> bytes:
        """Return the stand-in of an IPv4 address, in network order."""

    def ipv6(self, packed: bytes) -> bytes:
        """Return the stand-in of an IPv6 address, in network order."""

    def name(self, text: str) -> str:
        """Return the stand-in of a name."""

    def sid(self, text: str) -> str:
        """Return the stand-in of a SID."""

    def subject(self, der: bytes) -> bytes:
        """Return the stand-in of a certificate's subject."""

    def content(self, raw: bytes) -> bytes:
        """Return the stand-in of other bytes, of the same length."""


class LineMask:
    """Masks the lines of one capture."""

    def __init__(self, stand_ins: StandIns, ipv6_order: Ipv6Order) -> None:
        """Create a mask.

        Args:
            stand_ins: the source of stand-ins.
            ipv6_order: the engine's byte order of IPv6 addresses.
        """
        self._stand_ins = stand_ins
        self._order = ipv6_order

    def line(self, line: Line) -> Line:
        """Return a copy of a line that has stand-ins for the values to mask."""
        value = line.get("value")
        if isinstance(value, str):
            return line | {"value": self._stand_ins.name(value)}
        if value is None:
            return line
        return line | {"value": self._struct(line["struct"], value, Role.NEUTRAL)}

    def _struct(self, name: str, value: Any, role: Role) -> Any:
        match name:
            case "FWP_BYTE_BLOB":
                return self._blob(value, role)
            case "FWP_BYTE_ARRAY16":
                return {"byteArray16": self._ipv6(value["byteArray16"], role)}
            case "FWP_V4_ADDR_AND_MASK":
                return value | {"addr": self._ipv4(value["addr"]) & value["mask"]}
            case "FWP_V6_ADDR_AND_MASK":
                return value | {"addr": self._prefix(value["addr"], value["prefixLength"])}
        inherited = role if name in _TRANSPARENT else Role.NEUTRAL
        masked = {}
        for field, ctype, _ in captured(name):
            if field.name in value:
                own = inherited if field.role is Role.NEUTRAL else field.role
                if own is Role.CONDITION and value.get("fieldKey") in _NUMBERS:
                    own = Role.NEUTRAL
                masked[field.name] = self._value(ctype, value[field.name], own)
        return masked

    def _value(self, ctype: Any, value: Any, role: Role) -> Any:
        if value is None or ctype == GUID:
            return value
        if ctype.kind == "struct":
            return self._struct(name_of(ctype), value, role)
        if ctype.kind == "pointer":
            return self._pointed(ctype.item, value, role)
        if ctype.kind == "array" and ctype.item == BYTE:
            is_address = role is Role.ADDRESS
            return self._ipv6(value, role) if is_address else self._content(value)
        return self._ipv4(value) if role is not Role.NEUTRAL and ctype == NUMBER else value

    def _pointed(self, item: Any, value: Any, role: Role) -> Any:
        if item == TEXT:
            return self._stand_ins.name(value)
        if item == SID:
            return self._stand_ins.sid(value)
        if isinstance(value, list):
            return [self._value(item, each, role) for each in value]
        return self._value(item, value, role)

    def _blob(self, value: Any, role: Role) -> Any:
        if not value["data"]:
            return value
        raw = bytes.fromhex(value["data"])
        made = (
            self._stand_ins.subject(raw) if role is Role.SUBJECT else self._stand_ins.content(raw)
        )
        return {"size": len(made), "data": made.hex()}

    def _content(self, text: str) -> str:
        return self._stand_ins.content(bytes.fromhex(text)).hex()

    def _ipv4(self, number: int) -> int:
        return int.from_bytes(self._stand_ins.ipv4(number.to_bytes(4, "big")), "big")

    def _ipv6(self, text: str, role: Role) -> str:
        order = self._order if role is Role.ADDRESS else Ipv6Order.NETWORK
        return order.to_wfp(self._stand_ins.ipv6(order.from_wfp(bytes.fromhex(text)))).hex()

    def _prefix(self, text: str, length: int) -> str:
        masked = int(self._ipv6(text, Role.CONDITION), 16)
        host_bits = max(V6_BITS - length, 0)
        return f"{masked >> host_bits << host_bits:032x}"
