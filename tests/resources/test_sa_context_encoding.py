"""What is encoded is what the schemas say, for any context there may be."""

from __future__ import annotations

import sys
import uuid
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET6, inet_ntop
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts.encoding import encode_sa_context, render_sa_context
from app.resources.sa_contexts.schema import SaContext
from app.resources.wfp.addresses import address_text, subnet_text
from app.resources.wfp.filter_encoding import render_value
from app.schemas import names as public
from bindings import enums as wfp
from bindings.engine import Engine
from bindings.library import Library
from bindings.records import (
    Filter,
    FilterCondition,
    Lifetime,
    Range,
    SaBundle,
    SaDetails,
    Traffic,
    V4AddressAndMask,
    V6AddressAndMask,
    Value,
    VirtualIfTunnelInfo,
)
from bindings.records import SaContext as Record
from tests.resources.contexts import CONTEXTS


@settings(max_examples=300)
@given(CONTEXTS)
def test_any_context_is_encoded_as_the_schema_says(record: Record) -> None:
    body = encode_sa_context(record)

    shape = SaContext.model_validate_json(body)

    assert orjson.loads(shape.model_dump_json(by_alias=True)) == orjson.loads(body)


@pytest.mark.parametrize("generation", [0, 1])
def test_generated_contexts_are_encoded_as_the_schema_says(
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
def test_every_number_has_a_name_and_there_is_one_for_the_others(
    numbers: type[Any], names: type[Any]
) -> None:
    assert [*(member.name for member in numbers), "UNKNOWN"] == [member.name for member in names]


@pytest.mark.parametrize("flags", ["BundleFlag", "FilterFlag"])
def test_every_flag_has_a_name(flags: str) -> None:
    assert [member.name for member in getattr(wfp, flags)] == [
        member.name for member in getattr(public, flags)
    ]


def test_a_number_without_a_name_is_given_beside_unknown() -> None:
    rendered = render_sa_context(Record(1, _details(pfs_group=99, flags=0x51000110), None))

    bundle = rendered["inboundSa"]["saBundle"]
    assert (bundle["pfsGroup"], bundle["pfsGroupRaw"]) == ("unknown", 99)
    assert bundle["flags"] == {
        "value": 0x51000110,
        "names": ["nlb"],
        "tunnelBandwidth": 5,
        "unknown": 0x01000100,
    }


def test_an_interface_is_named_where_the_host_names_it() -> None:
    names = {7: "Ethernet 2"}
    rendered = render_sa_context(Record(1, _details(), None), names.get)

    assert rendered["inboundSa"]["traffic"]["localIfAlias"] == "Ethernet 2"


WORDS = st.sampled_from([0, 0, 0, 1, 0x5EFE, 0xFFFF]) | st.integers(0, 0xFFFF)


@given(
    st.ip_addresses()
    | st.lists(WORDS, min_size=8, max_size=8).map(
        lambda words: IPv6Address(b"".join(word.to_bytes(2, "big") for word in words))
    )
)
def test_any_address_reads_as_in_the_standard_library(
    address: IPv4Address | IPv6Address,
) -> None:
    """Which Python, and which C library, writes IPv4 within IPv6 differs: see the next test."""
    text = address_text(address.packed)

    assert text is not None
    assert ip_address(text) == address
    if "." not in text or address.version == 4:
        assert text == str(address)
    else:
        assert text == f"{text.rpartition(':')[0]}:{IPv4Address(address.packed[-4:])}"
        assert int(address) >> 32 in {0, 0xFFFF}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        # RFC 5952, in the order of its sections 4.1 to 4.3 and 5.
        ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:1", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
        # What has an IPv4 address in it, and what has none, as glibc has it.
        ("::", "::"),
        ("::1", "::1"),
        ("::ffff", "::ffff"),
        ("::1:0", "::0.1.0.0"),
        ("::c000:201", "::192.0.2.1"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
        # What Windows writes with dots, and others do not.
        ("::ffff:0:10.0.0.1", "::ffff:0:a00:1"),
        ("fe80::5efe:10.0.0.1", "fe80::5efe:a00:1"),
        ("fe80::200:5efe:10.0.0.1", "fe80::200:5efe:a00:1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ],
)
def test_addresses_read_the_same_everywhere(written: str, text: str) -> None:
    packed = ip_address(written).packed

    assert address_text(packed) == text
    if sys.platform == "linux":
        assert inet_ntop(AF_INET6, packed) == text


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
def test_subnets_read_as_people_write_them(subnet: Any, text: str) -> None:
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
def test_an_address_condition_is_readable(value: Value, address: str | None) -> None:
    field = "b235ae9a-1d64-49b8-a44c-5ff3d9095045"
    details = _details(conditions=(FilterCondition(field, 0, value),))

    rendered = render_sa_context(Record(1, details, None))

    condition = rendered["inboundSa"]["transportFilter"]["filterCondition"][0]
    assert condition["field"] == "ip_remote_address"
    assert condition.get("address") == address


def test_64_bit_values_are_text_and_bytes_are_hexadecimal() -> None:
    assert render_value(Value(wfp.DataType.UINT64, 2**64 - 1))["value"] == str(2**64 - 1)
    assert render_value(Value(wfp.DataType.INT64, -(2**63)))["value"] == str(-(2**63))
    assert render_value(Value(wfp.DataType.BYTE_BLOB, b"\x00\xff"))["value"] == "00ff"
    assert render_value(Value(wfp.DataType.UINT64, None)) == {"type": "uint64", "value": None}


def test_equal_values_that_are_not_the_same_are_distinguished() -> None:
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
