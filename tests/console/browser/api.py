"""What the API says, beside what the console shows."""

from __future__ import annotations

from typing import Any

import httpx2


def items_of(url: str, path: str, **query: str) -> list[dict[str, Any]]:
    """Return the items of a list of at most 1,000.

    Args:
        url: the server's.
        path: the list's, without the slash.
        query: parameters of the request.
    """
    answer = httpx2.get(f"{url}/{path}", params={"limit": 1000, **query}, timeout=30)
    answer.raise_for_status()
    content = answer.json()
    assert "nextCursor" not in content
    items: list[dict[str, Any]] = content["items"]
    return items
