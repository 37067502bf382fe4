"""Reading memory: strings, GUIDs, addresses and SIDs, against Python's own libraries."""

from __future__ import annotations

import ctypes
import mmap
import os
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.enums import DataType
from bindings.errors import MalformedAnswer, reading
from bindings.guid import guid_text
from bindings.interfaces import interface_aliases
from bindings.limits import LIMITS
from bindings.memory import (
    read_bytes,
    read_pointers,
    read_raw_wide_string,
    read_wide_string,
)
from bindings.template import SubnetTemplate
from bindings.values import read_sid


def address_of(pointer: object) -> int:
    return int(ffi.cast("uintptr_t", pointer))


@given(st.lists(st.integers(1, 0xFFFF), max_size=40))
def test_any_wide_string_becomes_text_that_utf_8_can_say(units: list[int]) -> None:
    memory = ffi.new("uint16_t[]", [*units, 0])

    text = read_wide_string(address_of(memory))

    assert text is not None
    raw = b"".join(unit.to_bytes(2, "little") for unit in units)
    assert text == raw.decode("utf-16-le", "replace")
    text.encode("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the page is protected with POSIX's mprotect")
@pytest.mark.parametrize("read", [read_wide_string, read_raw_wide_string])
def test_unterminated_string_is_a_malformed_answer_and_not_read_further(
    read: Callable[[int], str | None],
) -> None:
    """The memory after the longest string cannot be read: who reads on crashes."""
    size = 2 * (LIMITS.max_record_elements + 1)
    readable = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, readable + mmap.PAGESIZE)
    memory[:readable] = b"x\0" * (readable // 2)
    end = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + readable
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    assert protect(end, mmap.PAGESIZE, 0) == 0

    with pytest.raises(MalformedAnswer), reading("Function0"):
        read(end - size)


@pytest.mark.parametrize("unit", [b"x\0", b"\x3d\xd8\x00\xde"], ids=["one", "two"])
def test_longest_string_is_read(unit: bytes) -> None:
    longest = unit * (2 * LIMITS.max_record_elements // len(unit))

    fits, is_too_long = (ffi.new("char[]", longest + end) for end in (b"\0\0", b"x\0\0\0"))

    assert read_wide_string(address_of(fits)) == longest.decode("utf-16-le")
    with pytest.raises(MalformedAnswer), reading("Function0"):
        read_wide_string(address_of(is_too_long))


def test_a_null_string_is_none() -> None:
    assert read_wide_string(0) is None


@given(st.binary(min_size=16, max_size=16))
def test_a_guid_reads_as_everywhere(raw: bytes) -> None:
    assert guid_text(raw) == str(uuid.UUID(bytes_le=raw))


@given(st.integers(0, 2**32 - 1))
def test_ipv4_addresses_are_in_host_order(number: int) -> None:
    memory = ffi.new("uint32_t *", number)

    assert ipv4_from_wfp(read_bytes(address_of(memory), 4)) == IPv4Address(number).packed


@given(st.binary(min_size=16, max_size=16), st.sampled_from(Ipv6Order))
def test_ipv6_addresses_come_back_from_either_order(packed: bytes, order: Ipv6Order) -> None:
    assert order.from_wfp(order.to_wfp(packed)) == packed
    assert order.to_wfp(packed) == (packed if order is Ipv6Order.NETWORK else packed[::-1])


def test_a_template_says_host_order_and_netmask_for_ipv4() -> None:
    memory = SubnetTemplate(local=ip_network("10.1.0.0/16")).as_c(Ipv6Order.NETWORK)

    assert memory.pointer.localSubNet.type == DataType.V4_ADDR_MASK
    assert memory.pointer.localSubNet.v4AddrMask.addr == 0x0A010000
    assert memory.pointer.localSubNet.v4AddrMask.mask == 0xFFFF0000
    assert memory.pointer.remoteSubNet.type == DataType.EMPTY


def test_a_template_says_the_order_that_was_set_for_ipv6() -> None:
    subnet = ip_network("2001:db8::/32")
    for order in Ipv6Order:
        memory = SubnetTemplate(remote=subnet).as_c(order)
        part = memory.pointer.remoteSubNet.v6AddrMask

        assert memory.pointer.remoteSubNet.type == DataType.V6_ADDR_MASK
        assert part.prefixLength == 32
        expected = IPv6Address("2001:db8::").packed
        assert bytes(part.addr) == (expected if order is Ipv6Order.NETWORK else expected[::-1])


@given(st.lists(st.integers(1, 2**47), min_size=1, max_size=20))
def test_an_array_of_pointers_is_read_in_order(addresses: list[int]) -> None:
    memory = ffi.new("uint64_t[]", addresses)

    count = len(addresses)
    assert read_pointers(address_of(memory), count, max_count=count) == tuple(addresses)


@given(st.integers(0, 2**64 - 1))
def test_no_bytes_are_read_at_any_address(address: int) -> None:
    assert read_bytes(address, 0) == b""


def test_the_administrators_sid_reads_as_windows_writes_it() -> None:
    sid = bytes([1, 2, 0, 0, 0, 0, 0, 5]) + (32).to_bytes(4, "little") + (544).to_bytes(4, "little")
    memory = ffi.new("uint8_t[]", sid)

    assert read_sid(address_of(memory)) == "S-1-5-32-544"
    assert read_sid(0) is None


def test_an_unknown_interface_has_no_name() -> None:
    assert interface_aliases()(2**63) is None
