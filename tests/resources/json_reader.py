"""A second path from the engine's memory to JSON, to check the first one by.

It knows nothing of the bindings' records and the encoders. It walks a struct as Microsoft's
headers lay it out (tests/data/abi.json) and reads what Microsoft's interface definitions say
exists (tests/data/unions.json). Each field becomes a member of its name, by the API's rules for
types; `json_names` lists the exceptions.
"""

from __future__ import annotations

import ctypes
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from math import isfinite
from pathlib import Path
from socket import AF_INET6, inet_ntop
from typing import Any, Final

from bindings.well_known import CONDITION_FIELDS, KEYING_MODULES, LAYERS
from tests.bindings.structs import ABI, Struct, guid_at, number_at, sid_at, sids_at, text_at
from tests.resources import json_names as names


UNIONS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "unions.json").read_text(encoding="utf-8")
)["structs"]

_OLDER_IS_NULL: Final = "FWPM_NET_EVENT_"
"""What an older generation lacks is null in structs of this prefix, and absent from others."""

_ATTRIBUTES: Final = {"550403": "CN", "55040b": "OU", "55040a": "O"}  # RFC 4514 3, as DER

Members = dict[str, Any]


def read_json(struct: str, address: int) -> Members:
    """Return the JSON of an object of the engine, without the fields in `ELSEWHERE`."""
    return _object(Struct(struct, address))


def without_elsewhere(value: Any) -> Any:
    """Return JSON without the fields in `ELSEWHERE`."""
    if isinstance(value, dict):
        return {
            name: without_elsewhere(member)
            for name, member in value.items()
            if name not in names.ELSEWHERE
        }
    return [without_elsewhere(item) for item in value] if isinstance(value, list) else value


@cache
def base_of(struct: str) -> str:
    """Return the name of a struct without its generation."""
    return struct.rstrip("0123456789")


def exists(struct: Struct, field: str) -> bool:
    """Return whether the discriminators say that a field exists."""
    condition = _condition_of(struct.name, field)
    if condition is None:
        return True
    switch, mask, values = condition
    return struct.number(switch) & mask in values


@cache
def _condition_of(struct: str, field: str) -> tuple[str, int, set[int]] | None:
    """Return a field's discriminator, its mask, and the masked values for which it exists."""
    if (base_of(struct), field) in names.UNDER_ANY_ARM:
        return None
    for union in UNIONS.get(struct, {}).get("unions", ()):
        for arm in union["arms"]:
            if field in arm["members"]:
                mask = ABI["constants"][union["mask"]] if "mask" in union else ~0
                return union["switch"], mask, {*map(_value_of, arm["cases"])}
    return None


def is_shown(struct: Struct, field: str) -> bool:
    """Return whether the API shows a field of a struct."""
    counts = UNIONS.get(struct.name, {}).get("counts", {}).values()
    return field not in names.HIDDEN.get(base_of(struct.name), ()) and field not in counts


def _value_of(case: str) -> int:
    """Return the number of a case of a union."""
    if case.isdigit():
        return int(case)
    for members in (ABI["constants"], *ABI["enums"].values()):
        if case in members:
            return int(members[case])
    raise KeyError(case)


# ---- structs ----


def _object(struct: Struct) -> Members:
    base = base_of(struct.name)
    if base in {"FWP_VALUE", "FWP_CONDITION_VALUE"}:
        return _value(struct)
    if base == "IPSEC_SA":
        return _sa(struct)
    shown: Members = {}
    for field in struct.types:
        if is_shown(struct, field):
            shown |= _members(struct, field)
    return shown | _missing(struct) | _added(struct, shown)


def _members(struct: Struct, field: str) -> Members:
    """Return what a field is in JSON: mostly one member, several if it is flattened."""
    key, type_ = (base_of(struct.name), field), struct.types[field]
    name, is_there = names.RENAMED.get(key, field), exists(struct, field)
    if key in names.V4_ADDRESSES or re.search("V[46]Addr|AddrV[46]", field):
        return _address(struct, field)
    if key in names.ABSENT_WITHOUT_ARM:
        is_there = is_there and not (type_.endswith("*") and struct.number(field) == 0)
        return {name: _content(struct, field, type_)} if is_there else {}
    if key in names.NULL_FOR_ZERO:
        is_there = any(struct.raw(field))
    if not (is_there and _is_set(struct, field)):
        return {name: None}
    if key in names.FLATTENED:
        return _object(struct.embedded(field))
    if key in names.FLAGS:
        return {name: names.flags_of(key, struct.number(field))}
    if names.has_words(type_):
        return _word(name, type_, struct.number(field))
    if key in names.HEXADECIMAL:
        digits = names.HEXADECIMAL[key]
        in_hex = f"0x{struct.number(field):0{digits}x}"
        return {name: _content(struct, field, type_), f"{name}Hex": in_hex}
    return {name: _content(struct, field, type_)}


def _is_set(struct: Struct, field: str) -> bool:
    """Return whether a net event has a field of its header, as its flags say."""
    if base_of(struct.name) != "FWPM_NET_EVENT_HEADER":
        return True
    needed = names.set_flag_of(field)
    if field.endswith(("V4", "V6")):
        needed |= names.set_flag_of("ipVersion")
    return struct.number("flags") & needed == needed


def _address(struct: Struct, field: str) -> Members:
    """Return an address, whose union has an arm for each version."""
    key = base_of(struct.name), field
    name = field if key in names.V4_ADDRESSES else names.merged(field)
    arms = [field, field.replace("V4", "V6"), field.replace("V6", "V4")]
    there = [
        arm for arm in arms if struct.has(arm) and exists(struct, arm) and _is_set(struct, arm)
    ]
    if not there:
        return {name: None}
    is_number = struct.types[there[0]] == "UINT32"
    return {name: address_text(struct.raw(there[0]), is_number=is_number)}


def _missing(struct: Struct) -> Members:
    """Return the members that only newer generations of the struct have."""
    base = base_of(struct.name)
    if not base.startswith(_OLDER_IS_NULL):
        return {}
    newest = Struct(max(name for name in ABI["structs"] if base_of(name) == base), struct.address)
    return {
        field: None for field in newest.types if is_shown(newest, field) and not struct.has(field)
    }


def _word(name: str, type_: str, value: int) -> Members:
    word = names.words_of(type_).get(value)
    return {name: word} if word else {name: "unknown", f"{name}Raw": value}


# ---- fields ----


def _content(struct: Struct, field: str, type_: str) -> Any:
    """Return the JSON of a field by its C type."""
    key, counts = (base_of(struct.name), field), UNIONS.get(struct.name, {}).get("counts", {})
    if key in names.UNWRAPPED:
        behind = struct.followed(field) if type_.endswith("*") else struct.embedded(field)
        return None if behind is None else _object(behind)[names.UNWRAPPED[key]]
    if key in names.SUBNETS:
        return _address_in(struct.embedded(field))
    if field in counts:
        return [_object(each) for each in struct.array(field, counts[field])]
    if type_.removesuffix("*") == "FWP_BYTE_BLOB":
        blob = struct.followed(field) if type_.endswith("*") else struct.embedded(field)
        content = None if blob is None else _bytes_of(blob)
        return _distinguished_name(content or b"") if field == "subjectName" else _hex(content)
    return _plain(struct, field, type_)


def _plain(struct: Struct, field: str, type_: str) -> Any:
    """Return the JSON of a field that is not counted, by its C type."""
    if type_ == "UINT32[97]":
        return _error_frequencies(struct.raw(field))
    if type_.endswith("*") or type_ == "LPWSTR":
        return _behind(struct, field, type_)
    if type_.startswith("UINT8["):
        return _hex(struct.raw(field))
    if type_ == "GUID":
        return struct.guid(field)
    if type_ == "FILETIME":
        return _time(struct.number(field))
    if type_ == "float":
        return _finite(ctypes.c_float.from_buffer_copy(struct.raw(field)).value)
    if type_ in ABI["structs"]:
        return _object(struct.embedded(field))
    number = struct.signed(field) if type_.startswith("INT") else struct.number(field)
    return str(number) if len(struct.raw(field)) == 8 else number


def _behind(struct: Struct, field: str, type_: str) -> Any:
    """Return what a pointer leads to; None for NULL."""
    address = struct.number(field)
    if not address:
        return None
    match type_:
        case "GUID*" | "IPSEC_CRYPTO_MODULE_ID*":
            return guid_at(address)
        case "wchar_t*" | "LPWSTR":
            return text_at(address)
        case "UINT64*" | "INT64*":
            return str(number_at(address, 8, signed=type_ == "INT64*"))
        case "double*":
            return _finite(ctypes.c_double.from_address(address).value)
        case "SID*":
            return sid_at(address)
        case "FWP_BYTE_ARRAY16*" | "FWP_BYTE_ARRAY6*":
            return _hex(ctypes.string_at(address, ABI["structs"][type_[:-1]]["size"]))
        case "FWP_V4_ADDR_AND_MASK*" | "FWP_V6_ADDR_AND_MASK*":
            return _subnet(Struct(type_[:-1], address))
    return _object(Struct(type_[:-1], address))


def _bytes_of(blob: Struct) -> bytes:
    data = blob.number("data")
    return ctypes.string_at(data, blob.number("size")) if data else b""


def _hex(content: bytes | None) -> str | None:
    return None if content is None else content.hex()


def _distinguished_name(der: bytes) -> str | None:
    """Return a name of one-valued parts without special characters (RFC 4514); else None."""
    parts = []
    try:
        ((tag, name),) = _elements(der)
        if tag != 0x30:  # SEQUENCE
            return None
        for _, part in _elements(name):
            ((_, pair),) = _elements(part)
            (_, type_), (_, text) = _elements(pair)
            parts.append(f"{_ATTRIBUTES[type_.hex()]}={text.decode()}")
    except (IndexError, KeyError, ValueError):
        return None
    return ",".join(reversed(parts))


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each element (X.690 8.1), of at most 255 bytes."""
    elements = []
    while der:
        start = 3 if der[1] == 0x81 else 2
        end = start + der[start - 1]
        if end > len(der):
            raise ValueError("cut off")
        elements.append((der[0], der[start:end]))
        der = der[end:]
    return elements


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def _time(filetime: int) -> str | None:
    """Return a FILETIME, 100 ns since 1601 ([MS-DTYP] 2.3.3), as RFC 3339 text."""
    try:
        moment = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=filetime // 10)
    except OverflowError:
        return None
    return moment.isoformat().replace("+00:00", "Z") if filetime else None


def _error_frequencies(table: bytes) -> list[Members]:
    counts = {
        names.FIRST_IKE_ERROR + place // 4: int.from_bytes(table[place : place + 4], "little")
        for place in range(0, len(table), 4)
    }
    return [
        {
            **({"error": names.IPSEC_CODES[code]} if code in names.IPSEC_CODES else {}),
            "code": code,
            "codeHex": f"0x{code:08x}",
            "frequency": count,
        }
        for code, count in counts.items()
        if count
    ]


# ---- addresses ----


def address_text(raw: bytes, *, is_number: bool) -> str:
    """Return an address: a number in the host's order (IPv4), or the bytes of a packet (IPv6)."""
    if is_number:
        return str(IPv4Address(int.from_bytes(raw, "little")))
    return inet_ntop(AF_INET6, raw)


def _subnet(subnet: Struct) -> str:
    if subnet.has("prefixLength"):
        address = address_text(subnet.raw("addr"), is_number=False)
        return f"{address}/{subnet.number('prefixLength')}"
    address = address_text(subnet.raw("addr"), is_number=True)
    bits = f"{subnet.number('mask'):032b}"
    mask = address_text(subnet.raw("mask"), is_number=True) if "01" in bits else bits.count("1")
    return f"{address}/{mask}"


def _address_in(value: Struct) -> str | None:
    """Return the address, subnet or range that a value holds; None if it holds none."""
    arm = _arm_of(value)
    if arm == "uint32":
        return address_text(value.raw(arm), is_number=True)
    if arm not in {"byteArray16", "v4AddrMask", "v6AddrMask", "rangeValue"}:
        return None
    address = value.number(arm)
    if not address:
        return None
    if arm == "byteArray16":
        return address_text(ctypes.string_at(address, 16), is_number=False)
    if arm == "rangeValue":
        ends = Struct("FWP_RANGE0", address)
        low, high = (_address_in(ends.embedded(end)) for end in ("valueLow", "valueHigh"))
        return f"{low}-{high}" if low and high else None
    return _subnet(Struct(value.types[arm][:-1], address))


# ---- values and SAs ----


def _arm_of(struct: Struct) -> str | None:
    """Return the arm of a struct's only union that exists."""
    (union,) = UNIONS[struct.name]["unions"]
    members = [member for arm in union["arms"] for member in arm["members"]]
    return next((member for member in members if exists(struct, member)), None)


def _value(value: Struct) -> Members:
    """Return a FWP_VALUE0 or FWP_CONDITION_VALUE0: its type, and what its arm holds."""
    shown, arm = _word("type", "FWP_DATA_TYPE", value.number("type")), _arm_of(value)
    content = None if arm is None else value.types[arm]
    match shown["type"]:
        case "unknown" | "empty" | "token_access_information":
            return shown
        case "range" if arm is None:  # a FWP_VALUE0 cannot be one (fwptypes.h)
            return {"type": "unknown", "typeRaw": value.number("type")}
        case "range":
            ends = value.followed(arm) if arm else None
            low, high = (
                _object(ends.embedded(end)) if ends else None for end in ("valueLow", "valueHigh")
            )
            return {**shown, "low": low, "high": high}
        case "token_information":
            token = value.followed(arm) if arm else None
            return {
                **shown,
                "sids": _sids(token, "sids", "sidCount"),
                "restrictedSids": _sids(token, "restrictedSids", "restrictedSidCount"),
            }
    return {**shown, "value": _content(value, arm, content) if arm and content else None}


def _sids(token: Struct | None, field: str, count: str) -> list[Members]:
    sids = sids_at(token.number(field), token.number(count)) if token else ()
    return [{"sid": sid, "attributes": attributes} for sid, attributes in sids]


def _sa(sa: Struct) -> Members:
    """Return an IPSEC_SA0, whose arm and its type are the API's `transform`."""
    transform = _members(sa, "saTransformType")
    arm = _arm_of(sa)
    if arm:
        information = Struct(sa.types[arm][:-1], sa.number(arm))  # NULL is not read
        parts = [
            part
            for field in information.types
            if is_shown(information, field)
            for part in _parts_of(information, field)
        ]
        transform |= _object(information) if information.address else dict.fromkeys(parts)
    spi = sa.number("spi")
    return {"spi": spi, "spiHex": f"0x{spi:08x}", "transform": transform}


def _parts_of(information: Struct, field: str) -> list[str]:
    if (base_of(information.name), field) not in names.FLATTENED:
        return [field]
    inner = Struct(information.types[field], 0)
    return [each for each in inner.types if is_shown(inner, each)]


# ---- what the API adds ----


def _added(struct: Struct, shown: Members) -> Members:
    """Return the members that say in other words what the memory holds."""
    match base_of(struct.name):
        case "IPSEC_KEYMODULE_STATE":
            return _named("keyModule", KEYING_MODULES.get(shown["keyModuleKey"]))
        case "FWPM_FILTER":
            return _named("layer", LAYERS.get(shown["layerKey"]))
        case "FWPM_FILTER_CONDITION":
            field = CONDITION_FIELDS.get(shown["fieldKey"])
            is_address = (field or "").endswith("_address")
            address = _address_in(struct.embedded("conditionValue")) if is_address else None
            return _named("field", field) | _named("address", address)
        case "FWPM_NET_EVENT":
            return {"error": _error(struct)}
    return {}


def _named(name: str, value: str | None) -> Members:
    return {} if value is None else {name: value}


def _error(event: Struct) -> Members | None:
    arm = _arm_of(event)
    if arm is None:
        return None
    failure = event.followed(arm)
    if failure is None:
        return None
    is_status = failure.has("failureStatus")
    code = failure.number("failureStatus" if is_status else "failureErrorCode")
    is_win32 = not is_status
    is_error = is_win32 or code >= 0xC0000000  # STATUS_SEVERITY_ERROR (ntstatus.h)
    name = names.IPSEC_CODES.get(code) if is_error else None
    name = name or (names.WIN_ERRORS.get(code) if is_win32 else None)
    return {
        "code": code,
        "codeHex": f"0x{code:08x}",
        "kind": "ntstatus" if is_status else "win32",
        "name": name,
    }
