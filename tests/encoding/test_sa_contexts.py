"""What is encoded is what the schemas say, for any context there may be."""

from __future__ import annotations

import uuid
from ipaddress import ip_address, ip_network
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from app.encoding.addresses import address_text, subnet_text
from app.encoding.filters import render_value
from app.encoding.sa_contexts import encode_sa_context, render_sa_context
from app.schemas import names as public
from app.schemas.sa_contexts import SaContext
from bindings import enums as wfp
from bindings.engine import Engine
from bindings.library import Library
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
from bindings.records import SaContext as Record
from bindings.well_known import CONDITION_FIELDS, LAYERS


U8, U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
PACKED = st.none() | st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
GUIDS = st.uuids().map(str)


def numbers_of(enumeration: type[Any]) -> st.SearchStrategy[int]:
    return st.sampled_from([member.value for member in enumeration]) | U32


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
        wfp.DataType.FLOAT: st.floats(width=32),
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
CONTEXTS = st.builds(Record, U64, st.none() | DETAILS, st.none() | DETAILS)


@settings(max_examples=300)
@given(CONTEXTS)
def test_that_any_context_is_encoded_as_the_schema_says(record: Record) -> None:
    body = encode_sa_context(record)

    shape = SaContext.model_validate_json(body)

    assert orjson.loads(shape.model_dump_json(by_alias=True)) == orjson.loads(body)


@pytest.mark.parametrize("generation", [0, 1])
def test_that_generated_contexts_are_encoded_as_the_schema_says(
    library: Library, simulator: Simulator, generation: int
) -> None:
    simulator.populate(1000, seed=3)
    with Engine(library, generation=generation) as engine:
        for page in engine.pages():
            for record in page:
                SaContext.model_validate_json(encode_sa_context(record))


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (getattr(wfp, name), getattr(public, name))
        for name in (
            "IpVersion",
            "Direction",
            "TrafficType",
            "TransformType",
            "AuthType",
            "AuthConfig",
            "CipherType",
            "CipherConfig",
            "PfsGroup",
            "TokenType",
            "TokenPrincipal",
            "TokenMode",
            "DataType",
            "MatchType",
            "ActionType",
        )
    ],
)
def test_that_every_number_has_a_name_and_there_is_one_for_the_others(
    numbers: type[Any], names: type[Any]
) -> None:
    assert [*(member.name for member in numbers), "UNKNOWN"] == [member.name for member in names]


@pytest.mark.parametrize("flags", ["BundleFlag", "FilterFlag"])
def test_that_every_flag_has_a_name(flags: str) -> None:
    assert [member.name for member in getattr(wfp, flags)] == [
        member.name for member in getattr(public, flags)
    ]


def test_that_a_number_without_a_name_is_given_beside_unknown() -> None:
    rendered = render_sa_context(Record(1, _details(pfs_group=99, flags=0x51000110), None))

    bundle = rendered["inboundSa"]["saBundle"]
    assert (bundle["pfsGroup"], bundle["pfsGroupRaw"]) == ("unknown", 99)
    assert bundle["flags"] == {
        "value": 0x51000110,
        "names": ["nlb"],
        "tunnelBandwidth": 5,
        "unknown": 0x01000100,
    }


def test_that_an_interface_is_named_where_the_host_names_it() -> None:
    names = {7: "Ethernet 2"}
    rendered = render_sa_context(Record(1, _details(), None), names.get)

    assert rendered["inboundSa"]["traffic"]["localIfAlias"] == "Ethernet 2"


@given(st.ip_addresses())
def test_that_addresses_read_as_rfc_5952_says(address: Any) -> None:
    text = address_text(address.packed)

    assert text is not None
    assert ip_address(text) == address
    assert text == text.lower()
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is None and not (address.version == 6 and int(address) >> 32 == 0):
        assert text == str(address)


@pytest.mark.parametrize(
    ("subnet", "text"),
    [
        (V4AddressAndMask(b"\x0a\0\0\0", b"\xff\0\0\0"), "10.0.0.0/8"),
        (V4AddressAndMask(b"\x0a\0\0\1", b"\xff\0\xff\0"), "10.0.0.1/255.0.255.0"),
        (V4AddressAndMask(b"\0\0\0\0", b"\0\0\0\0"), "0.0.0.0/0"),
        (V4AddressAndMask(b"\x0a\0\0\1", b"\xff\xff\xff\xff"), "10.0.0.1/32"),
        (V6AddressAndMask(ip_network("2001:db8::/32").network_address.packed, 32), "2001:db8::/32"),
    ],
)
def test_that_subnets_read_as_people_write_them(subnet: Any, text: str) -> None:
    assert subnet_text(subnet) == text


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (Value(wfp.DataType.UINT32, 0x0A000001), "10.0.0.1"),
        (Value(wfp.DataType.BYTE_ARRAY16, ip_address("fd00::7").packed), "fd00::7"),
        (
            Value(wfp.DataType.V4_ADDR_MASK, V4AddressAndMask(b"\x0a\0\0\0", b"\xff\0\0\0")),
            "10.0.0.0/8",
        ),
        (
            Value(258, Range(Value(wfp.DataType.UINT32, 1), Value(wfp.DataType.UINT32, 2))),
            "0.0.0.1-0.0.0.2",
        ),
        (Value(258, Range(Value(wfp.DataType.UINT32, 1), Value(0, None))), None),
        (Value(0, None), None),
    ],
)
def test_that_an_address_condition_is_readable(value: Value, address: str | None) -> None:
    field = "b235ae9a-1d64-49b8-a44c-5ff3d9095045"
    details = _details(conditions=(FilterCondition(field, 0, value),))

    rendered = render_sa_context(Record(1, details, None))

    condition = rendered["inboundSa"]["transportFilter"]["filterCondition"][0]
    assert condition["field"] == "ip_remote_address"
    assert condition.get("address") == address


def test_that_64_bit_values_are_text_and_bytes_are_hexadecimal() -> None:
    assert render_value(Value(wfp.DataType.UINT64, 2**64 - 1))["value"] == str(2**64 - 1)
    assert render_value(Value(wfp.DataType.INT64, -(2**63)))["value"] == str(-(2**63))
    assert render_value(Value(wfp.DataType.BYTE_BLOB, b"\x00\xff"))["value"] == "00ff"
    assert render_value(Value(wfp.DataType.UINT64, None)) == {"type": "uint64", "value": None}


def test_that_equal_values_that_are_not_the_same_are_told_apart() -> None:
    field = str(uuid.UUID(int=0))
    for number in (0.0, -0.0):
        condition = FilterCondition(field, 0, Value(wfp.DataType.DOUBLE, number))
        body = encode_sa_context(Record(1, _details(conditions=(condition,)), None))

        assert f'"value":{number}'.encode() in body


def _details(
    pfs_group: int = 0, flags: int = 0, conditions: tuple[FilterCondition, ...] = ()
) -> SaDetails:
    nothing = str(uuid.UUID(int=0))
    return SaDetails(
        0,
        1,
        Traffic(0, b"\x0a\0\0\1", b"\x0a\0\0\2", 0, 5, 0, 0, 0, 7, 0),
        SaBundle(
            flags, Lifetime(0, 0, 0), 0, 0, None, 0, 0, (), None, 0, None, 0, pfs_group, nothing, 0
        ),
        None,
        Filter(
            nothing,
            None,
            None,
            0,
            None,
            nothing,
            nothing,
            Value(0, None),
            conditions,
            0x1002,
            nothing,
            1,
            Value(0, None),
        ),
        VirtualIfTunnelInfo(0, 0),
    )
