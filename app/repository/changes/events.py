"""The encoder of a resource's events, of which the repository sees only the bytes."""

from __future__ import annotations

from typing import Protocol

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
    ) -> bytes:
        """Encode what happened to one object.

        Args:
            kind: what happened.
            event_id: the id to resume after; None if a client cannot resume after this event.
            revision: the revision that the change belongs to.
            object_id: the object's id.
            json: its JSON text; None if it was deleted.
            rekey_of: the object that it seems to have replaced, or that replaced it.
        """

    def position(self, kind: str, event_id: str | None, epoch: str, revision: int) -> bytes:
        """Encode an event that carries only the stream's position."""
