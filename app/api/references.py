"""References from a request's URL to the server's own resources.

A proxy may publish the server below a path prefix and remove the prefix from requests. Relative
references (RFC 3986, 4.2) are right with and without a prefix.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote


MAX_DEPTH: Final = 32
"""Maximum number of `../` in a reference, far more than any route needs.

Without a limit, a response could be several times as large as the request.
"""

MAX_PATH: Final = 2048
"""Maximum length in bytes of a path to refer to; escaping makes it up to three times as long."""

_IN_A_PATH: Final = "/%!$&'()*+,;=@~"
"""Characters that are not escaped. A colon is escaped: it could end a scheme (RFC 3986, 4.2)."""


def root_of(raw_path: bytes) -> str:
    """Return the reference from a request's URL to the server's root (RFC 3986, 5.2).

    Args:
        raw_path: the path of the request, percent-encoded as the client sent it; empty if unknown.

    Returns:
        One `../` for each directory of the path. If the path is unknown or has more than
        `MAX_DEPTH` directories: `/`, which is right only without a prefix.
    """
    depth = raw_path.count(b"/") - 1
    if not raw_path or depth > MAX_DEPTH:
        return "/"
    if b"/." in raw_path:  # may have dot segments, which are not directories
        depth = 0
        for directory in raw_path.split(b"/")[1:-1]:
            if directory == b"..":
                depth = max(0, depth - 1)
            elif directory != b".":
                depth += 1
    return "../" * depth


def path_of(raw_path: bytes) -> str:
    """Return the reference from a request's URL to its own path.

    Args:
        raw_path: the path of the request, percent-encoded as the client sent it; empty if unknown.

    Returns:
        The reference; empty if the path is unknown or longer than `MAX_PATH`. It never begins with
        `//`, because clients would take the next segment for a host (RFC 3986, 4.2).
    """
    if not raw_path or len(raw_path) > MAX_PATH:
        return ""
    path = quote(raw_path, _IN_A_PATH).removeprefix("/")
    return root_of(raw_path) + ("./" if path.startswith("/") else "") + path
