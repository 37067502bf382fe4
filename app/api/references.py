"""References from a request's URL to the server's own resources.

A proxy may publish the server below a prefix that it strips. Relative references (RFC 3986, 4.2)
lead to the right place with and without a prefix.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote


MAX_DEPTH: Final = 32
"""Maximum number of directories to climb, far more than any route has.

A longer path would make the response several times as large as the request.
"""

MAX_PATH: Final = 2048
"""Maximum length of a path to refer to; escapes make it up to three times as long."""

_IN_A_PATH: Final = "/%!$&'()*+,;=@~"
"""Characters that stay as they are. A colon could end a scheme (RFC 3986, 4.2)."""


def root_of(raw_path: bytes) -> str:
    """Return the reference from a request's URL to the server's root (RFC 3986, 5.2).

    Args:
        raw_path: the path of the request, percent-encoded as the client sent it; empty if unknown.

    Returns:
        As many `../` as the path has directories; `/`, which is right without a proxy, if the path
        is unknown or has too many directories.
    """
    depth = raw_path.count(b"/") - 1
    if not raw_path or depth > MAX_DEPTH:
        return "/"
    if b"/." in raw_path:  # perhaps dot segments, which are no directories
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
        raw_path: the path of the request, as the client sent it; empty if unknown.

    Returns:
        The reference, which never begins with `//`: a host would follow (RFC 3986, 4.2). Empty if
        the path is unknown or longer than `MAX_PATH`.
    """
    if not raw_path or len(raw_path) > MAX_PATH:
        return ""
    path = quote(raw_path, _IN_A_PATH).removeprefix("/")
    return root_of(raw_path) + ("./" if path.startswith("/") else "") + path
