"""Masking: no original value remains, and equal values stay equal."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import assume, given
from hypothesis import strategies as st

from app.doctor.masking import Mask


ADDRESSES = st.ip_addresses().filter(
    lambda address: not address.is_loopback and not address.is_unspecified
)


def common_bits(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address) -> int:
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@given(
    ADDRESSES, st.sampled_from(["{}", "at {}: no", "[{}]:8080", "host={}.", "({}), {}", "a {}/24"])
)
def test_no_address_is_left_wherever_it_stands(
    address: IPv4Address | IPv6Address, around: str
) -> None:
    mask = Mask(())
    other = mask.text(str(address))
    assume(other != str(address))  # each address is another's replacement, once in 2^32 its own

    assert mask.text(around.replace("{}", str(address))) == around.replace("{}", other)
    assert type(ip_address(other)) is type(address)


@given(st.ip_addresses(v=4), st.integers(0, 2**32 - 1))
def test_subnets_stay_subnets(address: IPv4Address, other_bits: int) -> None:
    other = IPv4Address(other_bits)
    assume(not any(each.is_loopback or each.is_unspecified for each in (address, other)))
    mask = Mask(())

    masked = [ip_address(mask.text(str(each))) for each in (address, other)]

    assert common_bits(*masked) == common_bits(address, other)


def test_what_says_nothing_of_a_host_is_left() -> None:
    text = "127.0.0.1, ::1, 0.0.0.0, ::, localhost, 10.0.20348, 12:30:45, c38d57d1-05a7-4c33-904f"

    assert Mask(["localhost"]).text(text) == text


def test_names_are_replaced_as_words_in_any_case() -> None:
    mask = Mask(["WEB01", "web01.corp.example", "ann", "x"])

    text = mask.text(r"Web01.corp.example runs C:\Users\ANN\x of web01; annual")

    assert text == r"name-3 runs C:\Users\name-1\x of name-2; annual"


def test_values_of_any_shape_are_masked() -> None:
    mask = Mask(["ann"])
    value = {"ann": ["ann", {"a": "10.1.2.3"}, 7, None, True]}

    masked = mask.value(value)

    assert masked == {"ann": ["name-1", {"a": mask.text("10.1.2.3")}, 7, None, True]}


def test_reports_cannot_be_compared() -> None:
    assert Mask(()).text("2001:db8::1") != Mask(()).text("2001:db8::1")
