"""The encoder of a resource's events, which the repository uses only as bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from app.repository.query.filters import Key
from app.repository.snapshot.model import ChangeKind


class EventEncoder(Protocol):
    """Encodes the events of one resource."""

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
        """Encode what happened to one object.

        Args:
            kind: what happened.
            event_id: the id to resume after; None if a client cannot resume after this event.
            revision: the revision that the change belongs to.
            object_id: the object's id.
            json: its JSON text; None if it was deleted.
            rekey_of: the id of the object that this one seems to have replaced, or that seems to
                have replaced this one; None if no such object is known.
            time: when the server learnt of it, in UTC.
            old_index_key: its index key before; None if it was added.
            ending: see `Change`; empty if the object exists but no longer matches the filters.
        """

    def position(self, kind: str, event_id: str | None, epoch: str, revision: int) -> bytes:
        """Encode an event that carries only the stream's position, and the time of the call."""
