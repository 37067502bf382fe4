"""Cursors contain everything needed, and accept nothing that the server did not sign."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from json import dumps
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repository.query.cursors import (
    MAX_LENGTH,
    Cursor,
    CursorForOtherList,
    CursorFromOtherProcess,
    CursorKey,
    InvalidCursor,
)
from app.repository.query.filters import Key, Selection, filter_field
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import Cipher, View


def subnets() -> st.SearchStrategy[tuple[IPv4Network | IPv6Network, ...]]:
    v4 = st.builds(
        lambda number, prefix: IPv4Network((number >> (32 - prefix) << (32 - prefix), prefix)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    )
    v6 = st.builds(
        lambda number, prefix: IPv6Network((number >> (128 - prefix) << (128 - prefix), prefix)),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    )
    return st.lists(v4 | v6, max_size=16).map(tuple)


CURSORS = st.builds(
    Cursor,
    epoch=st.text("0123456789abcdef", min_size=12, max_size=12),
    revision=st.none() | st.integers(1, 2**53),
    after=st.integers(0, 2**64 - 1),
    selection=st.builds(
        lambda local, remote, ciphers, spis: SaContextSelection.of(
            {"local_subnet": local, "remote_subnet": remote, "cipher": ciphers, "spi": spis}
        ),
        subnets(),
        subnets(),
        st.lists(st.sampled_from(Cipher), max_size=9),
        st.lists(st.integers(0, 2**32 - 1), max_size=16),
    ),
    view=st.sampled_from(View),
)
KEY = CursorKey(b"a key of thirty-two bytes, fixed")


@given(CURSORS)
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    text = KEY.write(cursor)

    assert KEY.read(text, SaContextSelection) == cursor
    assert KEY.write(cursor) == text
    assert len(text) <= MAX_LENGTH
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(CURSORS, st.data())
def test_a_cursor_with_one_other_character_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = KEY.write(cursor)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[at]))
    forged = text[:at] + other + text[at + 1 :]

    with pytest.raises((InvalidCursor, CursorFromOtherProcess)):
        KEY.read(forged, SaContextSelection)


@given(st.text(max_size=300) | st.from_regex(r"1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}"))
def test_no_text_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises((InvalidCursor, CursorFromOtherProcess)):
        KEY.read(text, SaContextSelection)


@dataclass(frozen=True)
class OtherSelection(Selection):
    """The filters of a list other than `/sa-contexts`."""

    LIST: ClassVar[str] = "others"

    spi: tuple[int, ...] = filter_field(int)

    def matcher(self) -> Callable[[Key], bool]:
        return lambda _key: True


@given(CURSORS, st.booleans())
def test_a_cursor_does_not_go_on_in_another_list(cursor: Cursor, is_of_this_run: bool) -> None:
    key = KEY if is_of_this_run else CursorKey()
    others = Cursor("0123456789ab", 1, 1, OtherSelection.parse({"spi": ["5"]}))

    for text, selection in (
        (key.write(cursor), OtherSelection),
        (key.write(others), SaContextSelection),
    ):
        with pytest.raises(CursorForOtherList):
            KEY.read(text, selection)
    assert KEY.read(KEY.write(others), OtherSelection) == others


@given(CURSORS)
def test_a_cursor_of_another_run_is_distinguished_from_a_forged_one(cursor: Cursor) -> None:
    with pytest.raises(CursorFromOtherProcess) as caught:
        KEY.read(CursorKey().write(cursor), SaContextSelection)

    assert caught.value.filters == cursor.selection.texts()
    assert caught.value.view == cursor.view.value


def test_what_a_cursor_says_can_be_seen_but_not_the_key() -> None:
    text = KEY.write(Cursor("0123456789ab", 7, 2**64 - 1, SaContextSelection()))

    payload = text.split(".")[2]
    assert urlsafe_b64decode(payload + "=" * (-len(payload) % 4)) == (
        b'{"e":"0123456789ab","r":7,"a":"18446744073709551615","k":"sa-contexts"}'
    )
    assert b"fixed" not in urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def test_a_text_too_long_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(InvalidCursor):
        KEY.read("1.00000000." + "A" * MAX_LENGTH + "." + "A" * 22, SaContextSelection)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, -1, 1, 10**400, "", "x", "full", [], {}, [[]], {"x": []}, {"spi": [""]}, "1" * 21]
)
PAYLOADS = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: dumps(value).encode()),
    st.dictionaries(st.sampled_from("erakvsx"), ODD | JSON, max_size=2).map(
        lambda odd: dumps({"e": "aaaaaaaaaaaa", "r": 1, "a": "1", "k": "others", **odd}).encode()
    ),
    st.sampled_from(
        [
            b"[" * 3000,
            b'{"s":' * 1000 + b"1",
            b'{"e":"\\ud800","r":1,"a":"1","k":"others"}',
            b'{"e":"a","r":' + b"9" * 5000 + b',"a":"1","k":"others"}',
            b'{"e":"a","r":1,"a":"\xc2\xb2","k":"others"}',
            b'{"e":"a","r":1,"a":"1\\n","k":"others"}',
            b'{"e":"a","r":1,"a":"1","k":"others","s":{"x":[]}}',
            b'{"e":"a","r":1,"a":"1","k":"others","s":{"spi":["1_0","\\u0661"]}}',
        ]
    ),
)


def signed(key: CursorKey, payload: bytes) -> str:
    """Return a cursor with any payload and a valid MAC."""
    name = key.write(Cursor("0123456789ab", 1, 1, OtherSelection())).split(".")[1]
    text = f"1.{name}.{urlsafe_b64encode(payload).rstrip(b'=').decode()}"
    return f"{text}.{key._mac(text)}"  # noqa: SLF001  # which nobody else can make


@given(PAYLOADS, st.booleans())
def test_any_payload_is_a_cursor_or_rejected(payload: bytes, is_of_this_run: bool) -> None:
    text = signed(KEY if is_of_this_run else CursorKey(), payload)

    try:
        cursor = KEY.read(text, OtherSelection)
    except (InvalidCursor, CursorForOtherList, CursorFromOtherProcess):
        return
    assert is_of_this_run
    assert KEY.read(KEY.write(cursor), OtherSelection) == cursor


def test_payload_is_not_parsed_before_it_is_authenticated(monkeypatch: pytest.MonkeyPatch) -> None:
    text = KEY.write(Cursor("0123456789ab", 1, 1, OtherSelection()))
    forged = text[:-1] + ("A" if text[-1] != "A" else "B")
    monkeypatch.setattr(
        "app.repository.query.cursors.urlsafe_b64decode", None
    )  # would be a TypeError

    with pytest.raises(InvalidCursor):
        KEY.read(forged, OtherSelection)
