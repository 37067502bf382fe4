"""Identities of hosts, compared with the test vectors of RFC 8032, 7.1."""

from __future__ import annotations

import pytest

from app.fleet.identity import host_id_of, is_signed, statement


# RFC 8032, 7.1, TEST 3: a public key, and the signature of the two bytes af82.
PUBLIC_KEY = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
SIGNATURE = (
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)


def test_a_signature_of_the_rfc_is_accepted() -> None:
    assert is_signed(bytes.fromhex(PUBLIC_KEY), bytes.fromhex(SIGNATURE), b"\xaf\x82")


@pytest.mark.parametrize(
    ("key", "signature", "signed"),
    [
        (PUBLIC_KEY, SIGNATURE, b"\xaf\x83"),
        (PUBLIC_KEY, SIGNATURE[:-2] + "0b", b"\xaf\x82"),
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            SIGNATURE,
            b"\xaf\x82",
        ),
        ("ff" * 32, SIGNATURE, b"\xaf\x82"),
        (PUBLIC_KEY, "", b"\xaf\x82"),
        (PUBLIC_KEY[:-2], SIGNATURE, b"\xaf\x82"),
    ],
)
def test_any_other_is_rejected(key: str, signature: str, signed: bytes) -> None:
    assert not is_signed(bytes.fromhex(key), bytes.fromhex(signature), signed)


def test_the_id_of_a_host_follows_from_its_key() -> None:
    other = bytes.fromhex(PUBLIC_KEY)[::-1]

    assert host_id_of(bytes.fromhex(PUBLIC_KEY)) == host_id_of(bytes.fromhex(PUBLIC_KEY))
    assert host_id_of(bytes.fromhex(PUBLIC_KEY)) != host_id_of(other)
    assert len(host_id_of(other)) == 32


def test_a_statement_of_one_session_is_none_of_another() -> None:
    made = {statement(*parts) for parts in (("a", "b", "c"), ("a", "b", "d"), ("ab", "", "c"))}
    assert len(made) == 3
