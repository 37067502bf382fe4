"""Sources of snapshots: what lists and streams need to know of a store."""

from __future__ import annotations

from typing import Protocol

import anyio

from app.repository.changes.journal import Journal
from app.repository.limits import StoreLimits
from app.repository.notifier import Notifier
from app.repository.resource import ListKind
from app.repository.snapshot.leases import SnapshotLeases
from app.repository.snapshot.model import Snapshot


class SnapshotSource(Protocol):
    """The snapshots and the journal of one list: a `Store`, or what an answer keeps.

    `app.repository.store.Store` documents the members.
    """

    @property
    def kind(self) -> ListKind:
        """What is listed."""

    @property
    def limits(self) -> StoreLimits:
        """The lifetime and the number of leases."""

    @property
    def current(self) -> Snapshot | None:
        """The newest snapshot; None if there is none."""

    @property
    def journal(self) -> Journal:
        """The recent changes."""

    @property
    def leases(self) -> SnapshotLeases:
        """The snapshots kept for clients."""

    @property
    def notifier(self) -> Notifier:
        """Notifies of changes."""

    @property
    def stopping(self) -> anyio.Event:
        """Set at shutdown."""

    async def snapshot_at_most(self, max_age: float, *, may_be_partial: bool = False) -> Snapshot:
        """Return a snapshot that is at most `max_age` seconds old."""

    async def wait_until_complete(self) -> None:
        """Wait until the running refresh, if any, ends."""

    def journal_covers(self, snapshot: Snapshot) -> bool:
        """Return whether the journal has all changes since a snapshot."""

    def is_pending(self, epoch: str, revision: int) -> bool:
        """Return whether only a partial snapshot of this revision is published so far."""
