"""Encoding of the events of `/sa-contexts/events` as Server-Sent Events."""

from __future__ import annotations

from datetime import datetime

from app.api.sse import encode_time, format_event, format_timed
from app.repository.query.filters import Key
from app.repository.snapshot.model import ChangeKind
from app.resources.sa_contexts.description import description_of, directions_of


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
        *,
        time: datetime,
        old_index_key: Key | None = None,
        ending: bytes = b"",
    ) -> bytes:
        """Encode a change of a context; arguments as for `EventEncoder.change`.

        If `rekey_of` is given, the event has a `rekey` member, which names the other context.
        """
        if json is None:
            description = description_of(directions_of(old_index_key or b""))
            parts = [b'"saContextId":"%d"' % object_id, description]
            context = b",".join([*parts, ending] if ending else parts)
        else:
            context = b'"saContext":' + json
        rekey = b""
        if rekey_of is not None:
            role = b"replacedBy" if json is None else b"replaces"
            rekey = b',"rekey":{"%b":"%d","inferred":true}' % (role, rekey_of)
        members = (encode_time(time), revision, context, rekey)
        return format_event(kind, event_id, b'{"time":%b,"revision":%d,%b%b}' % members)

    def position(self, kind: str, event_id: str | None, epoch: str, revision: int) -> bytes:
        """Encode an event that carries only the stream's position, and the time of the call."""
        position = b'"epoch":"%b","revision":%d' % (epoch.encode(), revision)
        return format_timed(kind, event_id, position)
