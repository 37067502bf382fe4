"""Exports: a complete list as NDJSON, one item per line.

The last line (`"end": true`) marks the export as complete. An export that is cut off lacks it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.conditional import etag_of_snapshot, has_etag, not_modified, validators
from app.api.media_types import NDJSON, utf_8
from app.api.negotiation import accepts_gzip
from app.api.request_state import request_state
from app.api.streaming import VARY, Compressor, capacity_of
from app.repository.query.filters import Selection
from app.repository.query.paginator import Paginator
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.source import SnapshotSource
from app.schemas.names import View


LINES: Final = 20
"""Lines per ASGI message, about 100 kB, which is the memory that an export needs."""

CLOSE_SECONDS: Final = 1
"""Timeout for sending the end of an aborted export: the client may not be reading."""


@dataclass(slots=True)
class _End:
    """How an export ended.

    Attributes:
        reason: why the export was cut off, as logged (`outcome`); None: it is complete.
    """

    reason: str | None = None


@asynccontextmanager
async def _abort_early(
    receive: Receive, store: SnapshotSource, evicted: anyio.Event
) -> AsyncIterator[_End]:
    """Cancel the block when the export must end.

    That is if the client disconnects, the server stops, the time limit expires, or the pin of the
    snapshot is evicted.
    """
    end = _End()

    def cancel(reason: str) -> None:
        if not tasks.cancel_scope.cancel_called:
            end.reason = reason
            tasks.cancel_scope.cancel()

    async def cancel_on_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        cancel("client_disconnected")

    async def cancel_on(event: anyio.Event, reason: str) -> None:
        await event.wait()
        cancel(reason)

    with anyio.move_on_after(store.limits.max_snapshot_seconds) as time_limit:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_on_disconnect)
            tasks.start_soon(cancel_on, store.stopping, "server_stops")
            tasks.start_soon(cancel_on, evicted, "evicted")
            yield end
            tasks.cancel_scope.cancel()
    if time_limit.cancelled_caught:
        end.reason = "too_long"


class ExportResponse(Response):
    """A streamed list. Its snapshot is pinned for at most the maximum lifetime of a lease.

    If the server stops, the time limit expires, the pin is evicted or the client's credential is no
    longer valid, the export ends without its last line. The request's state records the reason
    (`outcome`).
    """

    media_type = utf_8(NDJSON)

    def __init__(
        self,
        paginator: Paginator,
        selection: Selection,
        view: View,
        max_age: float,
        describe: Callable[[Snapshot], dict[str, Any]],
        is_authorized: Callable[[], bool],
    ) -> None:
        """Create the response.

        Args:
            paginator: provides the snapshot and the matching items.
            selection: the filters.
            view: how much of each item to send.
            max_age: the maximum age of the snapshot, in seconds.
            describe: returns the public description of a snapshot, for the last line.
            is_authorized: returns whether the client's credential is still valid.
        """
        self._paginator = paginator
        self._selection = selection
        self._view = view
        self._max_age = max_age
        self._describe = describe
        self._is_authorized = is_authorized
        super().__init__()
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the export as fast as the client reads and turns allow, or 304.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown, TooManySnapshots: as for
                `Paginator.open_export`, before the response begins.
        """
        capacity = capacity_of(scope)
        compressor = None
        if accepts_gzip(Headers(scope=scope)):
            compressor = Compressor(capacity.compression)
            self.headers["Content-Encoding"] = "gzip"

        async def send_body(body: bytes) -> None:
            if compressor is not None:
                body = await compressor.compress(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})

        evicted = anyio.Event()
        export = self._paginator.open_export(self._selection, self._max_age, evicted.set)
        async with export as selected:
            snapshot, positions = selected.snapshot, selected.positions
            etag = etag_of_snapshot(snapshot, selected.version or "", NDJSON, self._view)
            if has_etag(Request(scope), etag):
                await not_modified(etag, VARY)(scope, receive, send)
                return
            self.headers.update(validators(etag, VARY))
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with _abort_early(receive, self._paginator.store, evicted) as end:
                for body in self._bodies(snapshot, positions):
                    if not self._is_authorized():
                        end.reason = "revoked"
                        break
                    await send_body(body)
                    await capacity.turns.turn()
                else:
                    end.reason = None  # complete, even if the server stopped meanwhile
        if end.reason is not None:
            request_state(scope).outcome = end.reason
        rest = b"" if compressor is None else compressor.flush()
        with anyio.move_on_after(None if end.reason is None else CLOSE_SECONDS):
            await send({"type": "http.response.body", "body": rest})

    def _bodies(self, snapshot: Snapshot, positions: Sequence[int]) -> Iterator[bytes]:
        for start in range(0, len(positions), LINES):
            batch = positions[start : start + LINES]
            lines = b"".join(snapshot.blocks[position] + b"\n" for position in batch)
            if self._view is not View.FULL:
                lines = self._paginator.kind.in_view(lines, self._view)
            yield lines
        end = {
            "end": True,
            "count": len(positions),
            **snapshot.annotations,
            "snapshot": self._describe(snapshot),
        }
        yield orjson.dumps(end, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
