"""References to the server's own resources, resolved by another implementation of RFC 3986."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.references import MAX_DEPTH, MAX_PATH, path_of, root_of


SEGMENTS = st.sampled_from(["a", "b.c", "%2F", "..a", "sa-contexts", "1"])
HOSTILE = st.lists(
    st.sampled_from(["", "", "evil.com", "a:b", "..", ".", "%2F", "\\", "@", "[", "\t"]), min_size=1
).map(lambda parts: "/" + "/".join(parts))
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


def without_dots(path: str) -> str:
    """Remove the dot segments of a path (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    *directories, last = path.split("/")[1:]
    for segment in directories:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if last == "..":
        del kept[-1:]
    return "/" + "/".join([*kept, "" if last in (".", "..") else last])


def resolved(path: str, reference: str) -> str:
    """Resolve a reference without a host (RFC 3986, 5.2.2), which urljoin does not do exactly."""
    base = "" if reference.startswith("/") else path[: path.rindex("/") + 1]
    return without_dots(base + reference) if reference else path


@given(path=HOSTILE | st.sampled_from(["//evil.com/" + "a/" * 40, "///evil.com/../../../x"]))
def test_the_reference_to_a_path_leads_to_no_other_host(path: str) -> None:
    reference = path_of(path.encode())

    assert urlsplit(urljoin(f"https://server{path}", reference)).netloc == "server"
    assert not reference.startswith("//")


@given(path=HOSTILE.filter(lambda path: not set("\\\t[:") & set(path)))
def test_the_reference_to_a_path_leads_there_below_any_prefix(path: str) -> None:
    reference = path_of(path.encode())

    assert resolved(path, reference) == without_dots(path)
    if path.count("/") <= MAX_DEPTH and ".." not in path.split("/"):
        assert resolved(f"/a/b{path}", reference) == without_dots(f"/a/b{path}")


def test_a_path_too_long_has_no_reference() -> None:
    assert len(path_of(b"/" + b"[" * (MAX_PATH - 1))) == 3 * (MAX_PATH - 1)
    assert path_of(b"/" + b"[" * MAX_PATH) == ""
    assert path_of(b"") == ""
