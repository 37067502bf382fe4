"""What answers publish: snapshots, and a journal of the changes between them.

Some members of the listed objects, such as byte counts, change all the time. They are a part of
each text in a snapshot, but their changes make no revision and no event.
"""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import anyio

from app.repository.changes.journal import Journal, Position
from app.repository.limits import StoreLimits
from app.repository.notifier import Notifier
from app.repository.resource import ListKind
from app.repository.snapshot.leases import SnapshotLeases
from app.repository.snapshot.model import DIGEST_BYTES, Change, Snapshot


MAX_JOURNAL_CHANGES: Final = 20_000
MAX_JOURNAL_BYTES: Final = 8 << 20
MAX_SNAPSHOT_BYTES: Final = 256 << 20
"""Maximum memory of leased snapshots."""


@dataclass(frozen=True, slots=True)
class PublishedSnapshot(Snapshot):
    """What an answer lists at one time.

    Its content includes the members whose changes make no revision, so `content_revision` also
    rises if only these differ.

    Attributes:
        publication: the number of this publication, of which several can show one revision.
    """

    publication: int = field(kw_only=True)

    @property
    def number(self) -> int:
        """The number by which leases and cursors identify the snapshot."""
        return self.publication

    def digest_of(self, positions: Iterable[int]) -> str:
        """Return a digest of the texts at these positions; it changes if one of them does."""
        digest = blake2b(digest_size=DIGEST_BYTES)
        for position in positions:
            digest.update(self.blocks[position])
        return digest.hexdigest()

    def position_of(self, number: int) -> int | None:
        """Return the position of the object with this id; None if it is not there."""
        position = bisect_left(self.ids, number)
        exists = position < len(self.ids) and self.ids[position] == number
        return position if exists else None


S = TypeVar("S", bound=PublishedSnapshot)


class PublishedStore(ABC, Generic[S]):
    """The snapshots and the journal of an answer (a `SnapshotSource`). Belongs to one event loop.

    The epoch lasts as long as the server runs, because the ids of the objects do not change when
    the engine restarts.

    Attributes:
        kind: what is listed.
        limits: the lifetime and the number of leases.
        current: the newest snapshot; None before the first.
        epoch: the epoch.
        revision: the newest revision; 0 before the first snapshot.
        notifier: notifies of revisions, and at shutdown.
        stopping: set at shutdown.
        journal: the recent changes.
        leases: the snapshots kept for clients.
    """

    def __init__(
        self, kind: ListKind, limits: StoreLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create a store without a snapshot.

        Args:
            kind: what is listed.
            limits: the lifetime and the number of leases.
            clock: returns seconds.
        """
        self.kind: Final = kind
        self.limits: Final = replace(
            limits,
            max_journal_changes=min(limits.max_journal_changes, MAX_JOURNAL_CHANGES),
            max_journal_bytes=min(limits.max_journal_bytes, MAX_JOURNAL_BYTES),
            max_snapshot_bytes=min(limits.max_snapshot_bytes, MAX_SNAPSHOT_BYTES),
        )
        self.current: S | None = None
        self.epoch: Final = secrets.token_hex(6)
        self.revision = 0
        self.notifier = Notifier()
        self.stopping = anyio.Event()
        self.journal = Journal(self.limits.max_journal_changes, self.limits.max_journal_bytes)
        self.leases = SnapshotLeases(
            idle_timeout_seconds=self.limits.snapshot_idle_timeout_seconds,
            max_seconds=self.limits.max_snapshot_seconds,
            max_count=self.limits.max_snapshots,
            max_bytes=self.limits.max_snapshot_bytes,
            clock=clock,
        )

    @abstractmethod
    async def snapshot_at_most(self, max_age: float, *, may_be_partial: bool = False) -> S:
        """Return a snapshot that is at most `max_age` seconds old.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `app.repository.store.Store.snapshot_at_most`.
        """

    def stop(self) -> None:
        """Wake all waiters."""
        self.stopping.set()
        self.notifier.notify_all()

    async def wait_until_complete(self) -> None:
        """Return at once: all snapshots are complete."""

    def journal_covers(self, snapshot: Snapshot) -> bool:
        """Return whether the journal has all changes since a snapshot."""
        position = Position(snapshot.revision)
        return self.journal.changes_after(snapshot.epoch, position) is not None

    def is_pending(self, epoch: str, revision: int) -> bool:  # noqa: ARG002  # as `Store` has it
        """Return False: all snapshots are complete."""
        return False

    def _next_numbers(self, *, is_same: bool) -> tuple[int, int]:
        """Return the content revision and the number of the next publication.

        Args:
            is_same: whether it has the content of the current one.
        """
        if self.current is None:
            return 1, 1
        return self.current.content_revision + (not is_same), self.current.publication + 1

    def _publish(self, snapshot: S, changes: Iterable[Change]) -> S:
        """Publish a snapshot with its changes since the revision before; return it."""
        self.current = snapshot
        self.leases.expire()
        recorded = tuple(changes)
        if not self.journal.epoch:
            self.journal.restart(self.epoch, self.revision)
        elif recorded:
            self.journal.record(self.revision, recorded)
            self.notifier.notify_all()
        return snapshot
