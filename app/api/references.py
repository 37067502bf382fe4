"""References from a request's URL to the server's own resources.

A proxy may publish the server below a prefix that it strips. Relative references (RFC 3986, 4.2)
lead to the right place with and without a prefix.
"""

from __future__ import annotations

from typing import Final


MAX_DEPTH: Final = 32
"""Maximum number of directories to climb, far more than any route has.

A longer path would make the response several times as large as the request.
"""


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
