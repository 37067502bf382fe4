"""What an agent reports of one channel: the store's objects, followed into the spool."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import anyio.to_thread
import orjson

from app.agent.spool import Spool, SpooledChange
from app.fleet.hashes import Digest, hash_of
from app.fleet.wire import Content
from app.fleet.wire import Position as ReportedPosition
from app.repository.changes.journal import Position, Revision
from app.repository.fairness import FairLimiter
from app.repository.snapshot.model import Change, Snapshot
from app.repository.store import Store


@dataclass(slots=True)
class _Followed:
    """What has been followed of one epoch: the hash of each object, and their digest.

    Refreshes without a change make revisions, too, which the journal does not have.
    """

    epoch: str
    revision: int
    changed: int
    hashes: dict[int, bytes] = field(default_factory=dict)
    digest: Digest = field(default_factory=Digest)

    def set(self, object_id: int, object_hash: bytes | None) -> None:
        old = self.hashes.pop(object_id, None)
        if old is not None:
            self.digest.remove(old)
        if object_hash is not None:
            self.hashes[object_id] = object_hash
            self.digest.add(object_hash)


class FollowedStore:
    """The objects of a store, whose changes are appended to a spool. Belongs to one event loop.

    Attributes:
        store: the store.
        spool: the spool, which threads use one at a time.
        spooling: admits the thread that uses the spool.
    """

    def __init__(self, store: Store, spool: Spool) -> None:
        self.store: Final = store
        self.spool: Final = spool
        self.spooling: Final = FairLimiter(1)
        self._followed: _Followed | None = None

    def content_at(self, position: ReportedPosition) -> Content | None:
        """Return what there was at a position; None: something has changed since, or is unknown."""
        followed = self._followed
        if followed is None or followed.epoch != position.epoch:
            return None
        if not followed.changed <= position.revision <= followed.revision:
            return None
        return Content(
            epoch=position.epoch,
            revision=position.revision,
            count=followed.digest.count,
            digest=followed.digest.text,
        )

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot whose later changes are in the spool; None: there is none."""
        snapshot, followed = self.store.current, self._followed
        if snapshot is None or followed is None or not snapshot.is_complete:
            return None
        is_followed = snapshot.epoch == followed.epoch and snapshot.revision <= followed.revision
        return snapshot if is_followed else None

    async def catch_up(self) -> None:
        """Append all changes that the store has recorded since; begin an epoch if need be.

        Raises:
            SpoolUnusable: they cannot be written; the next call tries again.
        """
        while await self._follow():
            pass

    async def _follow(self) -> bool:
        """Append what the journal has; return whether it may have more, recorded meanwhile."""
        followed, revisions = self._followed, None
        if followed is not None:
            after = Position(followed.revision)
            revisions = self.store.journal.changes_after(followed.epoch, after)
        if followed is None or revisions is None:
            return await self._begin()
        if not revisions:
            followed.revision = self.store.journal.newest
            return False
        lines = [*_lines(revisions)]
        async with self.spooling.seat():
            await anyio.to_thread.run_sync(self.spool.append, followed.epoch, lines, time.time())
        for _, changes, _ in revisions:
            for change in changes:
                followed.set(change.object_id, _hash(change))
        followed.revision = followed.changed = revisions[-1].number
        return True

    async def _begin(self) -> bool:
        """Follow the changes after the newest snapshot; return whether there is one."""
        snapshot = self.store.current
        if snapshot is None or not snapshot.is_complete or not self.store.journal_covers(snapshot):
            return False
        followed = await anyio.to_thread.run_sync(_followed, snapshot)
        async with self.spooling.seat():
            await anyio.to_thread.run_sync(self.spool.begin, snapshot.epoch, snapshot.revision)
        self._followed = followed
        return True


def _followed(snapshot: Snapshot) -> _Followed:
    """Return the state of a snapshot. Runs in a thread."""
    followed = _Followed(snapshot.epoch, snapshot.revision, snapshot.revision)
    for place, object_id in enumerate(snapshot.ids):
        followed.set(object_id, hash_of(object_id, snapshot.blocks[place]))
    return followed


def _hash(change: Change) -> bytes | None:
    return None if change.item is None else hash_of(change.object_id, change.item.json)


def _lines(revisions: list[Revision]) -> Iterator[SpooledChange]:
    """Yield the lines of a report (`app.fleet.wire.Change`)."""
    for number, changes, learnt_at in revisions:
        for change in changes:
            about: dict[str, Any] = {
                "revision": number,
                "kind": change.kind,
                "id": str(change.object_id),
            }
            if change.item is not None:
                about["object"] = orjson.Fragment(change.item.json)
            yield SpooledChange(number, learnt_at.timestamp(), orjson.dumps(about))
