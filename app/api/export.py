"""The whole of a list as NDJSON: one item a line, and at last a line that says it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.negotiation import accepts_gzip
from app.api.streaming import Compressor
from app.repository.query.filters import Selection
from app.repository.query.paginator import Paginator
from app.repository.snapshot.model import Snapshot
from app.repository.store import Store
from app.schemas.names import View


MEDIA_TYPE: Final = "application/x-ndjson"
LINES: Final = 20
"""How many lines are sent at once, some 100 kB: what an export needs of memory."""

CLOSE_SECONDS: Final = 1
"""How long a client that reads no more is given for the end of what was cut off."""


@dataclass(slots=True)
class _End:
    """How an export ended.

    Attributes:
        why: it was cut off, as the log tells it; None where it is whole.
    """

    why: str | None = None


@asynccontextmanager
async def _until_gone(receive: Receive, store: Store) -> AsyncIterator[_End]:
    """Leave the block when the client goes, when the server stops, or after the longest time."""
    end = _End()

    def leave(why: str) -> None:
        if not tasks.cancel_scope.cancel_called:
            end.why = why
            tasks.cancel_scope.cancel()

    async def leave_when_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        leave("client_left")

    async def leave_when_stopping() -> None:
        await store.stopping.wait()
        leave("server_stops")

    with anyio.move_on_after(store.limits.snapshot_max_seconds) as in_time:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave_when_gone)
            tasks.start_soon(leave_when_stopping)
            yield end
            tasks.cancel_scope.cancel()
    if in_time.cancelled_caught:
        end.why = "too_long"


class ExportResponse(Response):
    """Streams a version that is held as long as that takes, and no longer than a walk may take.

    When the server stops, the time is over, or the client's credential is not taken any more, the
    stream ends without its last line, and the request's state tells why (`ended`).
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        lists: Paginator,
        selection: Selection,
        view: View,
        max_age: float,
        snapshot: Callable[[Snapshot], dict[str, Any]],
        is_authorized: Callable[[], bool],
    ) -> None:
        """Make the response.

        Args:
            lists: where the items are.
            selection: which of them.
            view: how much of each.
            max_age: how old the version may be, in seconds.
            snapshot: gives the public object that tells of a version.
            is_authorized: tells whether the client may still have them.
        """
        self._lists = lists
        self._selection = selection
        self._view = view
        self._max_age = max_age
        self._snapshot = snapshot
        self._is_authorized = is_authorized
        super().__init__(headers={"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"})
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the export at the pace of the client, until it goes."""
        compressor = None
        if accepts_gzip(Headers(scope=scope)):
            compressor = Compressor()
            self.headers["Content-Encoding"] = "gzip"

        async def send_body(body: bytes) -> None:
            if compressor is not None:
                body = await compressor.compress(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})

        async with self._lists.open_export(self._selection, self._max_age) as (version, matching):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with _until_gone(receive, self._lists.store) as end:
                for body in self._bodies(version, matching):
                    if not self._is_authorized():
                        end.why = "revoked"
                        break
                    await send_body(body)
                else:
                    end.why = None  # even if the server was told to stop with the last line
        if end.why is not None:
            scope.setdefault("state", {})["ended"] = end.why
        rest = b"" if compressor is None else compressor.flush()
        with anyio.move_on_after(None if end.why is None else CLOSE_SECONDS):
            await send({"type": "http.response.body", "body": rest})

    def _bodies(self, version: Snapshot, matching: Sequence[int]) -> Iterator[bytes]:
        for start in range(0, len(matching), LINES):
            lines = b"".join(version.blocks[at] + b"\n" for at in matching[start : start + LINES])
            yield self._lists.kind.basic_view(lines) if self._view is View.BASIC else lines
        end = {
            "end": True,
            "count": len(matching),
            **version.annotations,
            "snapshot": self._snapshot(version),
        }
        yield orjson.dumps(end, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
