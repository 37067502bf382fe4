"""Any SA contexts there may be, as records: strategies for hypothesis."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from bindings import enums as wfp
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Filter,
    FilterCondition,
    Identity,
    Lifetime,
    Range,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Token,
    TokenInformation,
    Traffic,
    UdpEncapsulation,
    V4AddressAndMask,
    V6AddressAndMask,
    Value,
    VirtualIfTunnelInfo,
)
from bindings.well_known import CONDITION_FIELDS, LAYERS


U8, U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
PACKED = st.none() | st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
GUIDS = st.uuids().map(str)


def numbers_of(enumeration: type[Any]) -> st.SearchStrategy[int]:
    return st.sampled_from([member.value for member in enumeration]) | U32


def _float(raw: bytes) -> float:
    """Any float of C, NaN and infinities too; `floats(width=32)` gives some up as too large."""
    value: float = struct.unpack("<f", raw)[0]
    return value


def values(depth: int = 1) -> st.SearchStrategy[Value]:
    of_type = {
        wfp.DataType.UINT8: U8,
        wfp.DataType.UINT16: U16,
        wfp.DataType.UINT32: U32,
        wfp.DataType.UINT64: U64,
        wfp.DataType.INT8: st.integers(-128, 127),
        wfp.DataType.INT16: st.integers(-(2**15), 2**15 - 1),
        wfp.DataType.INT32: st.integers(-(2**31), 2**31 - 1),
        wfp.DataType.INT64: st.integers(-(2**63), 2**63 - 1),
        wfp.DataType.FLOAT: st.binary(min_size=4, max_size=4).map(_float),
        wfp.DataType.DOUBLE: st.floats(),
        wfp.DataType.BYTE_ARRAY16: st.binary(min_size=16, max_size=16),
        wfp.DataType.BYTE_BLOB: st.binary(max_size=40),
        wfp.DataType.SID: st.just("S-1-5-18"),
        wfp.DataType.SECURITY_DESCRIPTOR: st.binary(max_size=40),
        wfp.DataType.TOKEN_INFORMATION: st.builds(
            TokenInformation,
            st.lists(st.tuples(TEXTS, U32), max_size=3).map(tuple),
            st.lists(st.tuples(TEXTS, U32), max_size=3).map(tuple),
        ),
        wfp.DataType.UNICODE_STRING: TEXTS,
        wfp.DataType.BYTE_ARRAY6: st.binary(min_size=6, max_size=6),
        wfp.DataType.V4_ADDR_MASK: st.builds(
            V4AddressAndMask, *[st.binary(min_size=4, max_size=4)] * 2
        ),
        wfp.DataType.V6_ADDR_MASK: st.builds(
            V6AddressAndMask, st.binary(min_size=16, max_size=16), U8
        ),
    }
    pointed = (
        set(of_type)
        - {wfp.DataType[f"{kind}INT{bits}"] for kind in ("", "U") for bits in (8, 16, 32)}
        - {wfp.DataType.FLOAT}
    )
    kinds = [
        st.builds(Value, st.just(int(type_)), content | st.none() if type_ in pointed else content)
        for type_, content in of_type.items()
    ]
    kinds.append(st.builds(Value, st.sampled_from([0, 16, 19, 20, 255, 259, 2**32 - 1]), st.none()))
    if depth:
        ends = values(depth - 1)
        kinds.append(st.builds(Value, st.just(258), st.builds(Range, ends, ends) | st.none()))
    return st.one_of(kinds)


CONDITIONS = st.builds(
    FilterCondition,
    st.sampled_from(sorted(CONDITION_FIELDS)) | GUIDS,
    numbers_of(wfp.MatchType),
    values(),
)
FILTERS = st.builds(
    Filter,
    GUIDS,
    TEXTS,
    TEXTS,
    U32,
    st.none() | GUIDS,
    st.sampled_from(sorted(LAYERS)) | GUIDS,
    GUIDS,
    values(0),
    st.lists(CONDITIONS, max_size=4).map(tuple),
    numbers_of(wfp.ActionType),
    GUIDS,
    U64,
    values(0),
)
AUTH = st.builds(
    AuthTransform, numbers_of(wfp.AuthType), numbers_of(wfp.AuthConfig), st.none() | GUIDS
)
CIPHER = st.builds(
    CipherTransform, numbers_of(wfp.CipherType), numbers_of(wfp.CipherConfig), st.none() | GUIDS
)
SAS = st.builds(Sa, U32, numbers_of(wfp.TransformType), st.none() | AUTH, st.none() | CIPHER)
TOKENS = st.builds(
    Token,
    numbers_of(wfp.TokenType),
    numbers_of(wfp.TokenPrincipal),
    numbers_of(wfp.TokenMode),
)
IDENTITIES = st.builds(Identity, TEXTS, TEXTS, st.lists(TOKENS, max_size=3).map(tuple))
BUNDLES = st.builds(
    SaBundle,
    U32,
    st.builds(Lifetime, U32, U32, U32),
    U32,
    U32,
    st.none() | IDENTITIES,
    U32,
    U32,
    st.lists(SAS, max_size=2).map(tuple),
    st.none() | GUIDS,
    numbers_of(wfp.IpVersion),
    st.none() | st.binary(min_size=4, max_size=4),
    U64,
    numbers_of(wfp.PfsGroup),
    GUIDS,
    U64,
)
TRAFFIC = st.builds(
    Traffic,
    numbers_of(wfp.IpVersion),
    PACKED,
    PACKED,
    numbers_of(wfp.TrafficType),
    U64,
    U16,
    U16,
    U8,
    U64,
    U32,
)
DETAILS = st.builds(
    SaDetails,
    numbers_of(wfp.IpVersion),
    numbers_of(wfp.Direction),
    TRAFFIC,
    BUNDLES,
    st.none() | st.builds(UdpEncapsulation, U16, U16),
    st.none() | FILTERS,
    st.builds(VirtualIfTunnelInfo, U64, U64),
)
CONTEXTS = st.builds(SaContext, U64, st.none() | DETAILS, st.none() | DETAILS)
