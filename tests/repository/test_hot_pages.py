"""Hot pages give what they were given, within their bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.repository.hot_pages import HotPages


PAGES = st.lists(st.binary(max_size=20), max_size=8)


@given(st.lists(st.integers(0, 9), max_size=60), st.lists(PAGES, min_size=10, max_size=10))
def test_that_a_page_is_the_same_however_often_it_is_asked_for(
    asked: list[int], pages: list[list[bytes]]
) -> None:
    hot = HotPages(max_bytes=100, max_remembered=4)
    for number in asked:
        assert b",".join(hot.ready(number, pages[number])) == b",".join(pages[number])
        assert 0 <= hot.bytes <= 100


def test_that_a_page_is_joined_when_it_is_asked_for_again() -> None:
    hot = HotPages(max_bytes=100)
    texts = [b"{}", b"[]"]

    assert hot.ready("a", texts) is texts
    assert hot.ready("a", texts) == [b"{},[]"]
    assert hot.ready("a", []) == [b"{},[]"]  # kept: what a key stands for never changes
    assert hot.bytes == 5


def test_that_the_page_not_used_for_longest_goes_first() -> None:
    hot = HotPages(max_bytes=10)
    for key in ("a", "a", "b", "b", "a", "c", "c"):
        hot.ready(key, [b"12345"])

    assert hot.ready("a", []) == [b"12345"]
    assert hot.ready("b", []) == []
    assert hot.bytes == 10


def test_that_a_page_larger_than_all_is_not_kept() -> None:
    hot = HotPages(max_bytes=3)
    for _ in range(3):
        assert b"".join(hot.ready("a", [b"12345"])) == b"12345"
    assert hot.bytes == 0
