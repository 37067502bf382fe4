"""Arbitrary SA contexts in C memory, as the ABI allows but no engine would return them.

Each struct begins as arbitrary bytes, padding and unread fields included;
then what must be true for C is put in: pointers to real memory, NULL, or,
if nobody may follow them, to unmapped memory, so that following one crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from bindings._fwpuclnt import ffi


CANARY: Final = b"CANARY-KEY-MATERIAL"

_U32: Final = 2**32 - 1
_V4: Final = 0  # FWP_IP_VERSION_V4


class Tree:
    """An object of the engine and all memory that it consists of.

    Attributes:
        context: the IPSEC_SA_CONTEXT0 or IPSEC_SA_CONTEXT1, or what else it is a tree of.
        parts: every block, in order of creation, by the name of its type.
    """

    def __init__(self, generation: int = 1, struct: str = "IPSEC_SA_CONTEXT") -> None:
        self.parts: list[tuple[str, Any]] = []
        self.generation = generation
        self.context = self.new(f"{struct}{generation}")

    @property
    def address(self) -> int:
        return int(ffi.cast("uintptr_t", self.context))

    def new(self, ctype: str, content: bytes | None = None) -> Any:
        """A pointer to a new struct, which lives as long as the tree."""
        struct = ffi.new(f"{ctype} *")
        if content is not None:
            ffi.memmove(struct, content, ffi.sizeof(ctype))
        self.parts.append((ctype, struct))
        return struct

    def array(self, ctype: str, content: bytes) -> Any:
        """A pointer to the first of as many elements as the content fills."""
        array = ffi.new(f"{ctype}[]", len(content) // ffi.sizeof(ctype))
        ffi.memmove(array, content, len(content))
        self.parts.append((f"{ctype}[]", array))
        return array

    def text(self, content: bytes) -> Any:
        """A pointer to UTF-16 code units and a NUL."""
        return self.array("char16_t", content + b"\0\0")


def trees(generation: int = 1, *, copyable: bool = False) -> st.SearchStrategy[Tree]:
    """Contexts of any content.

    Args:
        generation: of the structs.
        copyable: whether even what no reader may read, keys for instance,
            leads to real memory, which copying a whole context requires.
    """

    @st.composite
    def grown(draw: st.DrawFn) -> Tree:
        return Growth(draw, Tree(generation), copyable=copyable).context()

    return grown()


def known(enumeration: str) -> st.SearchStrategy[int]:
    """The members of an enumeration, and any other number."""
    return st.sampled_from(sorted(ffi.typeof(enumeration).relements.values())) | st.integers(
        0, _U32
    )


_DATA_TYPES: Final = st.sampled_from(
    [*ffi.typeof("FWP_DATA_TYPE").relements.values(), 19, 20, 300, _U32]
)
"""With FWP_BITMAP_INDEX_TYPE and FWP_BITMAP_ARRAY64_TYPE of SDK 10.0.16299, and ones to come."""

_DATA_TYPES_IN_PLACE: Final = frozenset(
    {"FWP_UINT8", "FWP_UINT16", "FWP_UINT32", "FWP_INT8", "FWP_INT16", "FWP_INT32", "FWP_FLOAT"}
)


def _utf16(units: Sequence[int]) -> bytes:
    return b"".join(unit.to_bytes(2, "little") for unit in units)


_MOSTLY: Final = st.sampled_from([False, True, True, True])

_WILD: Final = st.sampled_from([1, 0xFFF, 0xDEAD_BEEF_DEAD_BEEF, 2**64 - 1])
"""Addresses where no process has memory."""

_SURROGATES: Final = st.integers(0xD800, 0xDFFF)
_TEXTS: Final = st.one_of(
    st.just(b""),
    st.text(max_size=30).map(lambda text: text.replace("\0", "").encode("utf-16-le")),
    st.lists(st.integers(1, 0xFFFF) | _SURROGATES | st.integers(1, 31), max_size=30).map(_utf16),
    st.sampled_from(["Fußgänger 🚶🏽 → 东京", "\x01\x1b[31m\t\r\n\x7f", "x" * 5000]).map(
        lambda text: text.encode("utf-16-le")
    ),
)


class Growth:
    """The drawing of one tree, struct by struct."""

    def __init__(self, draw: st.DrawFn, tree: Tree, *, copyable: bool) -> None:
        self._draw = draw
        self._tree = tree
        self._copyable = copyable

    def context(self) -> Tree:
        context, details = self._tree.context, f"IPSEC_SA_DETAILS{self._tree.generation}"
        context.saContextId = self._draw(st.integers(1, 2**64 - 1))
        context.inboundSa = self._perhaps(lambda: self._details(details))
        context.outboundSa = self._perhaps(lambda: self._details(details))
        return self._tree

    # ---- memory ----

    def _bytes(self, size: int) -> bytes:
        content: bytes = self._draw(
            st.binary(min_size=size, max_size=size) | st.sampled_from([bytes(size), b"\xff" * size])
        )
        return content

    def _filled(self, ctype: str) -> Any:
        return self._tree.new(ctype, self._bytes(ffi.sizeof(ctype)))

    def _perhaps(self, make: Callable[[], Any]) -> Any:
        return make() if self._draw(_MOSTLY) else ffi.NULL

    def _nowhere(self, ctype: str = "void") -> Any:
        return ffi.cast(f"{ctype} *", self._draw(_WILD))

    def _list(self, ctype: str, most: int) -> tuple[int, Any]:
        """A count and the first of as many; or NULL, whatever the count; or 0 of them nowhere."""
        count = self._draw(st.integers(0, most))
        if count == 0:
            return 0, self._perhaps(lambda: self._nowhere(ctype))
        if self._draw(st.integers(0, 4)) == 0:
            return self._draw(st.integers(1, _U32)), ffi.NULL
        return count, self._tree.array(ctype, self._bytes(count * ffi.sizeof(ctype)))

    def _text(self) -> Any:
        return self._perhaps(lambda: self._tree.text(self._draw(_TEXTS)))

    def _guid(self) -> Any:
        return self._perhaps(lambda: self._filled("GUID"))

    def _hide(self, blob: Any) -> None:
        """Make a blob one that no reader may read."""
        blob.size = self._draw(st.integers(0, _U32))
        blob.data = self._nowhere("UINT8")
        if self._copyable:
            blob.size = len(CANARY)
            blob.data = self._perhaps(lambda: self._tree.array("UINT8", CANARY))

    # ---- one direction ----

    def _details(self, ctype: str) -> Any:
        details = self._filled(ctype)
        details.ipVersion = self._draw(known("FWP_IP_VERSION"))
        details.saDirection = self._draw(known("FWP_DIRECTION"))
        details.traffic.ipVersion = self._draw(known("FWP_IP_VERSION"))
        details.traffic.trafficType = self._draw(known("IPSEC_TRAFFIC_TYPE"))
        if details.ipVersion == _V4:
            details.udpEncapsulation = self._perhaps(
                lambda: self._filled("IPSEC_V4_UDP_ENCAPSULATION0")
            )
        else:
            details.udpEncapsulation = self._nowhere("IPSEC_V4_UDP_ENCAPSULATION0")
        self._grow_bundle(details.saBundle)
        details.transportFilter = self._perhaps(self._filter)
        return details

    def _grow_bundle(self, bundle: Any) -> None:
        bundle.ipVersion = self._draw(known("FWP_IP_VERSION"))
        bundle.pfsGroup = self._draw(known("IPSEC_PFS_GROUP"))
        bundle.ipsecId = self._perhaps(self._identity)
        bundle.keyModuleState = self._perhaps(self._key_module_state)
        bundle.numSAs, bundle.saList = self._list("IPSEC_SA0", 3)
        for i in range(bundle.numSAs if bundle.saList else 0):
            self._grow_sa(bundle.saList[i])

    def _identity(self) -> Any:
        identity = self._filled("IPSEC_ID0")
        identity.mmTargetName, identity.emTargetName = self._text(), self._text()
        identity.numTokens, identity.tokens = self._list("IPSEC_TOKEN0", 3)
        for i in range(identity.numTokens if identity.tokens else 0):
            token = identity.tokens[i]
            token.type = self._draw(known("IPSEC_TOKEN_TYPE"))
            token.principal = self._draw(known("IPSEC_TOKEN_PRINCIPAL"))
            token.mode = self._draw(known("IPSEC_TOKEN_MODE"))
        return identity

    def _key_module_state(self) -> Any:
        state = self._filled("IPSEC_KEYMODULE_STATE0")
        self._hide(state.stateBlob)
        return state

    def _grow_sa(self, sa: Any) -> None:
        sa.saTransformType = self._draw(known("IPSEC_TRANSFORM_TYPE"))
        arms = {
            1: ("ahInformation", self._auth_information),
            2: ("espAuthInformation", self._auth_information),
            3: ("espCipherInformation", self._cipher_information),
            4: ("espAuthAndCipherInformation", self._auth_and_cipher_information),
            5: ("espAuthFwInformation", self._auth_information),
        }
        if sa.saTransformType in arms:
            arm, make = arms[sa.saTransformType]
            setattr(sa, arm, self._perhaps(make))
        else:
            sa.ahInformation = self._nowhere("IPSEC_SA_AUTH_INFORMATION0")

    def _auth_information(self) -> Any:
        information = self._filled("IPSEC_SA_AUTH_INFORMATION0")
        self._grow_auth(information)
        return information

    def _cipher_information(self) -> Any:
        information = self._filled("IPSEC_SA_CIPHER_INFORMATION0")
        self._grow_cipher(information)
        return information

    def _auth_and_cipher_information(self) -> Any:
        information = self._filled("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0")
        self._grow_auth(information.saAuthInformation)
        self._grow_cipher(information.saCipherInformation)
        return information

    def _grow_auth(self, information: Any) -> None:
        transform = information.authTransform
        transform.authTransformId.authType = self._draw(known("IPSEC_AUTH_TYPE"))
        transform.cryptoModuleId = self._guid()
        self._hide(information.authKey)

    def _grow_cipher(self, information: Any) -> None:
        transform = information.cipherTransform
        transform.cipherTransformId.cipherType = self._draw(known("IPSEC_CIPHER_TYPE"))
        transform.cryptoModuleId = self._guid()
        self._hide(information.cipherKey)

    # ---- the filter ----

    def _filter(self) -> Any:
        struct = self._filled("FWPM_FILTER0")
        struct.displayData.name, struct.displayData.description = self._text(), self._text()
        struct.providerKey = self._guid()
        self._hide(struct.providerData)
        struct.reserved = ffi.NULL if self._copyable else self._nowhere("GUID")
        self._grow_value(struct.weight)
        self._grow_value(struct.effectiveWeight)
        struct.numFilterConditions, struct.filterCondition = self._list("FWPM_FILTER_CONDITION0", 5)
        for i in range(struct.numFilterConditions if struct.filterCondition else 0):
            condition = struct.filterCondition[i]
            condition.matchType = self._draw(known("FWP_MATCH_TYPE"))
            self._grow_condition_value(condition.conditionValue)
        return struct

    # ---- values ----

    def _grow_value(self, value: Any) -> None:
        """Fill in a FWP_VALUE0, whose union has no arms for masks and ranges (fwptypes.h)."""
        value.type = self._draw(_DATA_TYPES)
        self._grow_arm(value, self._arms())
        if ffi.typeof("FWP_DATA_TYPE").elements.get(value.type) in self._arms_of_conditions():
            value.uint64 = self._tree.array("UINT64", bytes(32))  # not for reading either

    def _grow_condition_value(self, value: Any) -> None:
        value.type = self._draw(_DATA_TYPES)
        self._grow_arm(value, self._arms() | self._arms_of_conditions())

    def _grow_arm(self, value: Any, arms: dict[str, tuple[str, Callable[[], Any]]]) -> None:
        name = ffi.typeof("FWP_DATA_TYPE").elements.get(value.type, "")
        if name in arms:
            arm, make = arms[name]
            setattr(value, arm, self._perhaps(make))
        elif name not in _DATA_TYPES_IN_PLACE:
            value.uint64 = self._nowhere("UINT64")

    def _arms(self) -> dict[str, tuple[str, Callable[[], Any]]]:
        arms = {
            "FWP_UINT64": ("uint64", lambda: self._filled("UINT64")),
            "FWP_INT64": ("int64", lambda: self._filled("INT64")),
            "FWP_DOUBLE": ("double64", lambda: self._filled("double")),
            "FWP_BYTE_ARRAY16_TYPE": ("byteArray16", lambda: self._filled("FWP_BYTE_ARRAY16")),
            "FWP_BYTE_BLOB_TYPE": ("byteBlob", self._blob),
            "FWP_SID": ("sid", self._sid),
            "FWP_SECURITY_DESCRIPTOR_TYPE": ("sd", self._blob),
            "FWP_TOKEN_INFORMATION_TYPE": ("tokenInformation", self._token_information),
            "FWP_UNICODE_STRING_TYPE": ("unicodeString", self._text),
            "FWP_BYTE_ARRAY6_TYPE": ("byteArray6", lambda: self._filled("FWP_BYTE_ARRAY6")),
        }
        if self._copyable:
            arms["FWP_TOKEN_ACCESS_INFORMATION_TYPE"] = "tokenAccessInformation", self._hidden_blob
        return arms

    def _arms_of_conditions(self) -> dict[str, tuple[str, Callable[[], Any]]]:
        return {
            "FWP_V4_ADDR_MASK": ("v4AddrMask", lambda: self._filled("FWP_V4_ADDR_AND_MASK")),
            "FWP_V6_ADDR_MASK": ("v6AddrMask", lambda: self._filled("FWP_V6_ADDR_AND_MASK")),
            "FWP_RANGE_TYPE": ("rangeValue", self._range),
        }

    def _blob(self) -> Any:
        blob = self._tree.new("FWP_BYTE_BLOB")
        blob.size, blob.data = self._list("UINT8", 40)
        return blob

    def _hidden_blob(self) -> Any:
        blob = self._tree.new("FWP_BYTE_BLOB")
        self._hide(blob)
        return blob

    def _sid(self) -> Any:
        count = self._draw(st.integers(0, 15))
        authority = self._draw(
            st.just(bytes((0, 0, 0, 0, 0, 5))) | st.binary(min_size=6, max_size=6)
        )
        content = bytes((1, count)) + authority + self._bytes(4 * count)
        return ffi.cast("SID *", self._tree.array("UINT8", content))

    def _token_information(self) -> Any:
        information = self._filled("FWP_TOKEN_INFORMATION")
        information.sidCount, information.sids = self._sids()
        information.restrictedSidCount, information.restrictedSids = self._sids()
        return information

    def _sids(self) -> tuple[int, Any]:
        count, sids = self._list("SID_AND_ATTRIBUTES", 3)
        for i in range(count if sids else 0):
            sids[i].Sid = self._perhaps(self._sid)
        return count, sids

    def _range(self) -> Any:
        ends = self._filled("FWP_RANGE0")
        self._grow_value(ends.valueLow)
        self._grow_value(ends.valueHigh)
        return ends
