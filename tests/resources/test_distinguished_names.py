"""Distinguished names: RFC 4514's examples (section 4), and invalid names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.wfp.distinguished_names import distinguished_name


CN, OU, UID, DC = "550403", "55040b", "0992268993f22c640101", "0992268993f22c640119"
"""The object identifiers of RFC 4514 (section 3), as DER has them."""


def element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    return bytes((tag, 0x82)) + length.to_bytes(2, "big") + content


def text(value: str, tag: int = 0x0C, codec: str = "utf-8") -> bytes:
    return element(tag, value.encode(codec))


def name(*parts: list[tuple[str, bytes]]) -> bytes:
    """The DER of a name, its most general part first."""
    sets = [
        element(
            0x31,
            b"".join(
                element(0x30, element(0x06, bytes.fromhex(type_)) + value) for type_, value in part
            ),
        )
        for part in parts
    ]
    return element(0x30, b"".join(sets))


NET = ([(DC, text("net", 0x16, "ascii"))], [(DC, text("example", 0x16, "ascii"))])


@pytest.mark.parametrize(
    ("der", "written"),
    [
        (name(*NET, [(UID, text("jsmith"))]), "UID=jsmith,DC=example,DC=net"),
        (
            name(*NET, [(OU, text("Sales")), (CN, text("J.  Smith"))]),
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
        ),
        (
            name(*NET, [(CN, text('James "Jim" Smith, III'))]),
            r"CN=James \"Jim\" Smith\, III,DC=example,DC=net",
        ),
        (name(*NET, [(CN, text("Before\rAfter"))]), r"CN=Before\0dAfter,DC=example,DC=net"),
        (
            name([("2b060104018b3a00", element(0x04, b"Hi"))]),
            "1.3.6.1.4.1.1466.0=#04024869",
        ),
        (name([(CN, text("Lučić"))]), "CN=Lučić"),
        (name([(CN, text("#Ä ", 0x1E, "utf-16-be"))]), "CN=\\#Ä\\ "),
        (name([(CN, text(" "))]), "CN=\\ "),
        (name([(CN, text("a" * 300))]), "CN=" + "a" * 300),
        (name(), ""),
    ],
)
def test_names_are_written_as_rfc_4514_says(der: bytes, written: str) -> None:
    assert distinguished_name(der) == written


@given(st.binary(max_size=60))
def test_bytes_that_are_no_name_are_none(der: bytes) -> None:
    written = distinguished_name(der)

    assert written is None or written == "" or "=" in written


def test_a_name_that_is_cut_off_anywhere_is_none() -> None:
    der = name(*NET, [(CN, text("Jim"))])

    assert {distinguished_name(der[:end]) for end in range(len(der))} == {None}


@pytest.mark.parametrize(
    "der",
    [
        b"",
        element(0x31, b""),
        element(0x30, element(0x30, b"")),
        element(0x30, element(0x31, element(0x30, text("x")))),
        element(0x30, element(0x31, element(0x30, text("x") + text("y")))),
        name([(CN, element(0x0C, b"\xff"))]),
        b"\x30" * 5000,
    ],
)
def test_what_has_other_levels_is_no_name(der: bytes) -> None:
    assert distinguished_name(der) is None
