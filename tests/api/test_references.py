"""References to the server's root, resolved by another implementation of RFC 3986."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.references import MAX_DEPTH, root_of


SEGMENTS = st.sampled_from(["a", "b.c", "%2F", "..a", "sa-contexts", "1"])
WITH_DOTS = st.sampled_from(["a", ".", "..", "..."])


@given(path=st.lists(SEGMENTS, max_size=MAX_DEPTH).map(lambda parts: "/" + "/".join(parts)))
def test_a_reference_leads_to_the_root_below_any_prefix(path: str) -> None:
    root = root_of(path.encode())

    for prefix in ("", "/ipsec", "/a/b"):
        assert urljoin(f"https://proxy{prefix}{path}", f"{root}x") == f"https://proxy{prefix}/x"


@given(path=st.lists(WITH_DOTS, min_size=1, max_size=9).map(lambda parts: "/" + "/".join(parts)))
def test_dot_segments_are_no_directories(path: str) -> None:
    root = root_of(path.encode())

    assert urljoin(f"https://server{path}", f"{root}x") == "https://server/x"
    assert root.count("../") <= path.count("/")


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (b"/", ""),
        (b"/sa-contexts", ""),
        (b"/sa-contexts/", "../"),
        (b"/sa-contexts/1", "../"),
        (b"/a//b", "../../"),  # RFC 3986, 5.2.4; Python's urljoin drops empty segments
        (b"*", ""),
        (b"/a" * MAX_DEPTH + b"/b", "../" * MAX_DEPTH),
        (b"/a" * MAX_DEPTH + b"/b/c", "/"),
        (b"/" * 16_000, "/"),
        (b"", "/"),
    ],
)
def test_the_root_of_a_path(path: bytes, root: str) -> None:
    assert root_of(path) == root
