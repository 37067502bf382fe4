"""The source that reads the SA contexts of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio

from app.api.parameters import MAX_LIMIT
from app.cli.client import (
    Parameters,
    Problem,
    RequestRejected,
    Server,
    create_client,
    get_object,
)
from app.cli.details import HAS_ENDED
from app.cli.filters import parameters_of
from app.repository.query.filters import Selection
from app.schemas.names import View


class ServerSource:
    """Reads SA contexts and main mode SAs from a running server.

    The methods raise `RequestRejected` if a request fails. If an answer is malformed, they raise
    exceptions such as `KeyError` and `TypeError`, which `malformed_rejected` converts.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def contexts(self, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield the selected contexts of one snapshot, page by page."""
        return self._items("sa-contexts", selection, View.FULL)

    def summaries(self, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield the selected contexts in the view `summary`, as `contexts` does."""
        return self._items("sa-contexts", selection, View.SUMMARY)

    def peers(self, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield the selected peers of one snapshot, page by page."""
        return self._items("peers", selection)

    def tunnels(self, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield the selected tunnels of one snapshot, page by page."""
        return self._items("tunnels", selection)

    def peer(self, address: str) -> dict[str, Any] | str:
        """Return the peer with this address, in detail, or a text that says why there is none."""
        answer = self._get(f"peers/{address}")
        if not isinstance(answer, Problem):
            return answer
        if answer.code == "peer_not_found":
            return answer.reason
        raise answer.rejected()

    def _items(
        self, path: str, selection: Selection, view: View | None = None
    ) -> Iterator[dict[str, Any]]:
        parameters: Parameters = {**parameters_of(selection), "limit": str(MAX_LIMIT)}
        if view is not None:
            parameters = {**parameters, "view": view.value}
        while True:
            page = self._get(path, parameters)
            if isinstance(page, Problem):
                raise page.rejected()
            yield from page["items"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return
            if not page["items"]:
                raise RequestRejected("the list of the server does not end")
            parameters = {"cursor": cursor, "limit": str(MAX_LIMIT)}

    def context(self, sa_context_id: int) -> dict[str, Any] | None:
        """Return the context with this id; None if there is none."""
        answer = self._get(f"sa-contexts/{sa_context_id}")
        if not isinstance(answer, Problem):
            return answer
        if answer.code == "sa_context_not_found":
            return None
        raise answer.rejected()

    def main_mode_sa(self, sa_id: str) -> dict[str, Any] | str:
        """Return the main mode SA with this id, or a text that says why it cannot be shown."""
        answer = self._get(f"ike-sas/{int(sa_id)}")
        if not isinstance(answer, Problem):
            return answer
        return HAS_ENDED if answer.code == "ike_sa_not_found" else answer.reason

    def failure(self, code: str) -> dict[str, Any] | None:
        """Return the explanation of a failure; None if the server has none.

        Args:
            code: the code, percent-encoded.
        """
        answer = self._get(f"failures/{code}")
        if not isinstance(answer, Problem):
            return answer
        if answer.code in {"failure_not_found", "invalid_parameters"}:
            return None
        raise answer.rejected()

    def _get(self, path: str, parameters: Parameters | None = None) -> dict[str, Any] | Problem:
        async def get() -> dict[str, Any] | Problem:
            async with create_client(self._server) as client:
                return await get_object(client, path, parameters or {})

        return anyio.run(get)
