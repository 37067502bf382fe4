"""Structs in C memory that are valid except for what no reader may follow.

A struct is filled field by field, as `tests/data/unions.json` says: its discriminators
choose the arms of its unions, its counts fit its arrays. All memory of a union that the
chosen arm does not use leads nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from bindings._fwpuclnt import ffi


DATA: Final = Path(__file__).parents[1] / "data"
ABI: Final[dict[str, Any]] = json.loads((DATA / "abi.json").read_text(encoding="utf-8"))
FACTS: Final[dict[str, dict[str, Any]]] = json.loads(
    (DATA / "unions.json").read_text(encoding="utf-8")
)["structs"]

NOWHERE: Final = 0xBAD0
"""An address in the first 64 KiB, which neither Windows nor Linux maps: reading there crashes."""

OUT_OF_REACH: Final = (1 << 47, (1 << 63) + 8, (1 << 64) - 8)
"""Addresses that no 64-bit process of Windows or Linux has."""

UNKNOWN: Final = 0xFFFF_FFF0
"""A number that no enumeration has."""

NUMBERS: Final[dict[str, int]] = {
    name: value & 0xFFFF_FFFF
    for members in (*ABI["enums"].values(), ABI["constants"], {"0": 0})
    for name, value in members.items()
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A place where an engine has a choice.

    Attributes:
        path: of the field, from the root.
        values: of a discriminator, by name; empty for a pointer.
        is_counted: whether a pointer leads to an array with a count.
    """

    path: str
    values: Mapping[str, int] = field(default_factory=dict)
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a pointer leads instead of to valid memory, and how many elements are claimed."""

    address: int
    count: int = 1


@cache
def fields_of(ctype: Any) -> dict[str, Any]:
    """Return the fields of a struct type, those of its unions too."""
    return dict(ctype.fields)


def struct_name(ctype: Any) -> str:
    """Return the name that the headers give a struct type."""
    name: str = ctype.cname
    return name.removeprefix("struct ").removesuffix("_")


def unions_of(name: str) -> list[dict[str, Any]]:
    """Return the unions of a struct, as Microsoft's interface definitions have them."""
    unions: list[dict[str, Any]] = FACTS.get(name, {}).get("unions", [])
    return unions


class WildMemory:
    """One struct and all that it leads to.

    Attributes:
        address: of the struct.
        spots: the places of choice, in the order of the fields.
        structs: the names of all structs that it is made of.
    """

    def __init__(
        self,
        root: str,
        *,
        chosen: Mapping[str, int],
        targets: Mapping[str, Target],
        absent_as_struct: bool = False,
    ) -> None:
        """Fill the memory.

        Args:
            root: the name of the struct.
            chosen: the values of discriminators, by path; others choose an arm, a pointer if
                there is one.
            targets: where pointers lead, by path; others lead to valid memory.
            absent_as_struct: fill the arms that are absent with structs whose pointers
                lead nowhere, instead of with pointers that do.
        """
        self.spots: list[Spot] = []
        self.structs: set[str] = set()
        self._chosen = chosen
        self._targets = targets
        self._absent_as_struct = absent_as_struct
        self._is_absent = False
        self._parts: list[Any] = []
        pointer = self._new(f"{root} *")
        self._fill(pointer[0], root)
        self.address = int(ffi.cast("uintptr_t", pointer))

    def _new(self, ctype: Any, *content: Any) -> Any:
        part = ffi.new(ctype, *content)
        self._parts.append(part)
        return part

    def _fill(self, struct: Any, path: str) -> None:
        name = struct_name(ffi.typeof(struct))
        if not self._is_absent:
            self.structs.add(name)
        counts = FACTS.get(name, {}).get("counts", {})
        special = {member for union in unions_of(name) for member in _members(union)}
        special |= {union["switch"] for union in unions_of(name)}
        for member in fields_of(ffi.typeof(struct)):
            if member not in special and member not in counts.values():
                self._fill_member(struct, member, path)
        if name == "SID":
            struct.SubAuthorityCount = 1
        for switch in dict.fromkeys(union["switch"] for union in unions_of(name)):
            self._fill_unions(struct, switch, path)

    def _fill_member(self, struct: Any, member: str, path: str) -> None:
        ctype = fields_of(ffi.typeof(struct))[member].type
        path = f"{path}.{member}"
        if ctype.kind == "struct":
            self._fill(getattr(struct, member), path)
        elif ctype.kind == "pointer":
            self._point(struct, member, ctype, path)
        else:
            self._write(_bytes_of(struct, member), member, path)

    def _write(self, place: Any, member: str, path: str) -> None:
        """Fill numbers, differently for each path; flags say that everything is there."""
        byte = 0xFF if member == "flags" else 1 + crc32(path.encode()) % 250
        place[:] = bytes([byte]) * len(place)

    # ---- pointers ----

    def _point(self, struct: Any, member: str, ctype: Any, path: str) -> None:
        count = FACTS.get(struct_name(ffi.typeof(struct)), {}).get("counts", {}).get(member)
        if self._is_absent:
            target: Target | None = Target(NOWHERE)
        else:
            self.spots.append(Spot(path, is_counted=count is not None))
            target = self._targets.get(path)
        if target is None:
            setattr(struct, member, self._pointed(ctype.item, path))
        else:
            setattr(struct, member, ffi.cast(ctype, target.address))
        if count is not None:
            setattr(struct, count, 1 if target is None else target.count)

    def _pointed(self, ctype: Any, path: str) -> Any:
        if ctype.kind == "void":  # of what nothing here declares
            return ffi.cast("void *", NOWHERE)
        if ctype.cname == "char16_t":
            return self._new("char16_t[]", f"text {crc32(path.encode()):08x}")
        pointer = self._new(ffi.getctype(ctype, "*"))
        if ctype.kind == "struct":
            self._fill(pointer[0], f"{path}[0]")
        elif ctype.kind == "pointer":
            pointer[0] = self._pointed(ctype.item, f"{path}[0]")
        else:
            self._write(ffi.buffer(pointer), "", path)
        return pointer

    # ---- unions ----

    def _fill_unions(self, struct: Any, switch: str, path: str) -> None:
        """Set a discriminator, and fill the unions that depend on it."""
        unions = [u for u in unions_of(struct_name(ffi.typeof(struct))) if u["switch"] == switch]
        values = _values(struct, switch, unions[0])
        spot = Spot(f"{path}.{switch}", values)
        value = _default(struct, unions[0])
        if not self._is_absent:
            self.spots.append(spot)
            value = self._chosen.get(spot.path, value)
        for union in unions:
            self._fill_absent(struct, union, path)
            for arm in union["arms"]:
                if value in {NUMBERS[case] for case in arm["cases"]}:
                    for member in arm["members"]:
                        self._fill_member(struct, member, path)
        setattr(struct, switch, value)

    def _fill_absent(self, struct: Any, union: dict[str, Any], path: str) -> None:
        for member in _members(union):
            place = _bytes_of(struct, member)
            place[:] = (NOWHERE.to_bytes(8, "little") * len(place))[: len(place)]
        if self._absent_as_struct:
            was_absent, self._is_absent = self._is_absent, True
            for member in _members(union):
                self._fill_member(struct, member, path)
            self._is_absent = was_absent


def _members(union: dict[str, Any]) -> Iterator[str]:
    for arm in union["arms"]:
        yield from arm["members"]


def _default(struct: Any, union: dict[str, Any]) -> int:
    """Return a value for which there is an arm, a pointer if possible."""
    fields = fields_of(ffi.typeof(struct))
    arms: list[dict[str, Any]] = union["arms"]
    pointers = (arm for arm in arms if fields[arm["members"][0]].type.kind == "pointer")
    return NUMBERS[next(pointers, arms[0])["cases"][0]]


def _values(struct: Any, switch: str, union: dict[str, Any]) -> dict[str, int]:
    """Return every value of a discriminator, those without an arm too."""
    if "mask" in union:
        return {"0": 0, union["mask"]: NUMBERS[union["mask"]]}
    members: dict[str, int] = fields_of(ffi.typeof(struct))[switch].type.relements
    return {**members, "an unknown number": UNKNOWN}


def _bytes_of(struct: Any, member: str) -> Any:
    field_type = fields_of(ffi.typeof(struct))[member]
    start = ffi.cast("char *", ffi.addressof(struct)) + field_type.offset
    return ffi.buffer(start, ffi.sizeof(field_type.type))
