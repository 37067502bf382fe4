"""Encoding of the events of `/sa-contexts/events` as Server-Sent Events."""

from __future__ import annotations

import orjson

from app.api.sse import format_event
from app.repository.snapshot.model import ChangeKind


class SaContextEvents:
    """Encodes the events of SA contexts (see `app.repository.changes.events`)."""

    def change(
        self,
        kind: ChangeKind,
        event_id: str | None,
        revision: int,
        object_id: int,
        json: bytes | None,
        rekey_of: int | None = None,
    ) -> bytes:
        """Encode a change of a context; arguments as for `EventEncoder.change`.

        If `rekey_of` is given, the event has a `rekey` member, which names the other context.
        """
        context = b'"saContextId":"%d"' % object_id if json is None else b'"saContext":' + json
        rekey = b""
        if rekey_of is not None:
            role = b"replacedBy" if json is None else b"replaces"
            rekey = b',"rekey":{"%b":"%d","inferred":true}' % (role, rekey_of)
        return format_event(kind, event_id, b'{"revision":%d,%b%b}' % (revision, context, rekey))

    def position(self, kind: str, event_id: str | None, epoch: str, revision: int) -> bytes:
        """Encode an event that carries only the stream's position."""
        return format_event(kind, event_id, orjson.dumps({"epoch": epoch, "revision": revision}))
