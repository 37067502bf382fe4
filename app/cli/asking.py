"""Asking a running server once, without reading a stream.

The functions import `app.cli.client` themselves, so that `serve` does not load it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from app.cli.failures import explained_failures
from app.cli.servers import Access


if TYPE_CHECKING:
    from app.cli.client import Problem, Server


@contextmanager
def opened_server(url: str, access: Access) -> Iterator[Server]:
    """Yield a server to ask; exit with a message if the block fails because of its answers."""
    from app.cli import client  # noqa: PLC0415  # as the module says

    with explained_failures(client.RequestRejected), client.malformed_rejected("an answer"):
        yield client.server_at(url, access)


def object_at(server: Server, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object at a path of a server.

    Raises:
        RequestRejected: the server cannot be reached, or answers with a problem.
    """
    from app.cli import client  # noqa: PLC0415  # as the module says

    async def get() -> dict[str, Any] | Problem:
        async with client.create_client(server) as opened:
            return await client.get_object(opened, path, parameters)

    found = anyio.run(get)
    if isinstance(found, client.Problem):
        raise found.rejected()
    return found


def pages_at(server: Server, path: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all pages of a list of a server.

    Raises:
        RequestRejected: as for `object_at`, or the list does not end.
    """
    from app.cli import client  # noqa: PLC0415  # as the module says

    cursor: dict[str, str] = {}
    while True:
        page = object_at(server, path, {**parameters, **cursor})
        yield page
        if page.get("nextCursor") is None:
            return
        if not page["items"]:
            raise client.RequestRejected("the server's list does not end")
        cursor = {"cursor": page["nextCursor"]}
