"""Contexts that random generation rarely produces, and for which two encoders may differ."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from math import inf
from random import Random
from typing import Any, Final
from uuid import UUID

from bindings._fwpuclnt import ffi
from bindings.enums import AuthConfig, CipherConfig, DataType, TransformType
from bindings.well_known import CONDITION_FIELDS, KEYING_MODULES, LAYERS
from tests.bindings.trees import Tree


MOSTLY: Final = 0.7
DOUBLES: Final = (inf, -inf, -0.0, 1e15, 1e16, 1e17, 1e-4, 1e-5, 0.1, -1.5e300, 5e-324, 2.0**-44)
"""Numbers at which the notation changes, and numbers that encoders easily round wrongly."""
LIFETIMES: Final = (0, 1, 28_799, 28_800, 28_801, 2**32 - 1)
ISATAP_AT, ISATAP = 8, bytes.fromhex("00005efe")
"""Offset and bytes of ISATAP (RFC 5214): Windows' inet_ntop writes what follows in dotted
decimal."""

_ADDRESS_FIELDS: Final = [key for key, name in CONDITION_FIELDS.items() if "address" in name]
NAMED: Final = {
    "FWPM_FILTER_CONDITION0[]": ("fieldKey", [*CONDITION_FIELDS, *_ADDRESS_FIELDS * 4]),
    "FWPM_FILTER0": ("layerKey", list(LAYERS)),
    "IPSEC_KEYMODULE_STATE0": ("keyModuleKey", list(KEYING_MODULES)),
}
"""By struct: the field that holds a GUID, and the GUIDs that have names.

The GUIDs of address fields are repeated, so that they are chosen most often, because encoders also
interpret the values of these fields.
"""

_AUTH: Final = ("authTransform", "authTransformId")
_CIPHER: Final = ("cipherTransform", "cipherTransformId")
AUTHENTICATING: Final = {
    "IPSEC_SA_AUTH_INFORMATION0": _AUTH,
    "IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0": ("saAuthInformation", *_AUTH),
}
ENCRYPTING: Final = {
    "IPSEC_SA_CIPHER_INFORMATION0": _CIPHER,
    "IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0": ("saCipherInformation", *_CIPHER),
}
"""By struct: the path to the identifiers of its algorithm, here and in `AUTHENTICATING`."""

ADDRESSES: Final = {
    "FWP_BYTE_ARRAY16": (("byteArray16",),),
    "FWP_V6_ADDR_AND_MASK": (("addr",),),
    "IPSEC_SA_DETAILS1": (("traffic", "localV6Address"), ("traffic", "remoteV6Address")),
}
"""By struct: the paths to its IPv6 addresses."""


def shape(tree: Tree, random: Random) -> None:
    """Put meaningful values into an arbitrary tree: GUIDs with names, algorithms, addresses."""
    _name_guids(tree, random)
    _shape_protection(tree, random)
    _shape_addresses(tree, random)


def each() -> Iterator[Tree]:
    """Yield trees with the edge cases that the encoders distinguish."""
    yield _of_doubles()
    yield _of_ranges()
    for type_, cipher_config in product(TransformType, range(10)):
        yield _of_one_sa(type_, cipher_config)


def _of_doubles() -> Tree:
    tree = Tree()
    for condition, number in zip(_conditions(tree, len(DOUBLES)), DOUBLES, strict=True):
        condition.conditionValue.type = DataType.DOUBLE
        condition.conditionValue.double64 = tree.new("double")
        condition.conditionValue.double64[0] = number
    return tree


def _of_ranges() -> Tree:
    """Return a tree with ranges of addresses and of other values."""
    tree = Tree()
    pairs = list(product((DataType.UINT32, DataType.BYTE_ARRAY16, DataType.UINT16, None), repeat=2))
    for condition, types in zip(_conditions(tree, len(pairs)), pairs, strict=True):
        key = UUID(_ADDRESS_FIELDS[0]).bytes_le
        ffi.memmove(ffi.addressof(condition, "fieldKey"), key, len(key))
        condition.conditionValue.type = DataType.RANGE
        range_ = condition.conditionValue.rangeValue = tree.new("FWP_RANGE0")
        for end, type_ in zip((range_.valueLow, range_.valueHigh), types, strict=True):
            end.type = DataType.BYTE_ARRAY16 if type_ is None else type_
            if type_ == DataType.BYTE_ARRAY16:
                end.byteArray16 = tree.new("FWP_BYTE_ARRAY16")
    return tree


def _of_one_sa(type_: int, cipher_config: int) -> Tree:
    tree = Tree()
    bundle = _details(tree).saBundle
    bundle.numSAs, bundle.saList = 1, tree.new("IPSEC_SA0")
    bundle.saList.saTransformType = type_
    if type_ == TransformType.ESP_CIPHER:
        cipher = bundle.saList.espCipherInformation = tree.new("IPSEC_SA_CIPHER_INFORMATION0")
        cipher.cipherTransform.cipherTransformId.cipherConfig = cipher_config
    return tree


def _details(tree: Tree) -> Any:
    tree.context.inboundSa = tree.new("IPSEC_SA_DETAILS1")
    return tree.context.inboundSa


def _conditions(tree: Tree, count: int) -> Any:
    """Add a transport filter with `count` zeroed conditions; return the conditions."""
    transport = _details(tree).transportFilter = tree.new("FWPM_FILTER0")
    transport.numFilterConditions = count
    transport.filterCondition = tree.array(
        "FWPM_FILTER_CONDITION0", bytes(count * ffi.sizeof("FWPM_FILTER_CONDITION0"))
    )
    return transport.filterCondition[0:count]


def _name_guids(tree: Tree, random: Random) -> None:
    """Put GUIDs that have names into a tree."""
    for ctype, part in tree.parts:
        if ctype not in NAMED:
            continue
        field, guids = NAMED[ctype]
        for struct in part if ctype.endswith("[]") else part[0:1]:
            if random.random() < MOSTLY:
                key = UUID(random.choice(guids)).bytes_le
                ffi.memmove(ffi.addressof(struct, field), key, len(key))


def _shape_protection(tree: Tree, random: Random) -> None:
    """Put known algorithms into a tree, and lifetimes around the recommended maximum."""
    for ctype, part in tree.parts:
        if random.random() > MOSTLY:
            continue
        if ctype in AUTHENTICATING:
            reduce(getattr, AUTHENTICATING[ctype], part).authConfig = random.choice(
                list(AuthConfig)
            )
        if ctype in ENCRYPTING:
            reduce(getattr, ENCRYPTING[ctype], part).cipherConfig = random.choice(
                list(CipherConfig)
            )
        if ctype == "IPSEC_SA_DETAILS1":
            part.saBundle.lifetime.lifetimeSeconds = random.choice(LIFETIMES)


def _shape_addresses(tree: Tree, random: Random) -> None:
    """Put runs of zeros and ISATAP's bytes into the IPv6 addresses of a tree."""
    for ctype, part in tree.parts:
        for fields in ADDRESSES.get(ctype, ()):
            zeros = bytes(2 * random.randrange(8))
            begin = random.randrange(0, 16 - len(zeros), 2)
            ffi.memmove(ffi.addressof(part[0], *fields, begin), zeros, len(zeros))
            if random.random() > MOSTLY:
                ffi.memmove(ffi.addressof(part[0], *fields, ISATAP_AT), ISATAP, len(ISATAP))
