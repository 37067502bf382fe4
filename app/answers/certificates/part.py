"""The part that finds certificates in main mode SAs and in the store."""

from __future__ import annotations

from typing import Final

import anyio
import anyio.to_thread

from app.answers.certificates.inventory import Inventory, thumbprints_to_look_up
from app.answers.certificates.store import CertificateStore
from app.answers.certificates.usage import MAX_LOCAL, Uses, count
from app.repository.fairness import FairLimiter
from app.repository.snapshot.model import Snapshot
from app.repository.store import Store
from app.service import Part


class CertificatesPart(Part):
    """The certificates that main mode SAs use. Belongs to one event loop.

    Attributes:
        latest: the certificates of the last read; None before the first.
    """

    def __init__(self, ike_sas: Store, store: CertificateStore, filtering: FairLimiter) -> None:
        """Create it without certificates.

        Args:
            ike_sas: the main mode SAs.
            store: this host's certificates.
            filtering: admits the thread that reads all main mode SAs.
        """
        self.latest: Inventory | None = None
        self._ike_sas: Final = ike_sas
        self._store: Final = store
        self._filtering: Final = filtering
        self._counted: tuple[tuple[str, int], Uses] | None = None
        self._counting = anyio.Lock()
        self._looking_up = anyio.Lock()

    async def inventory(self, max_age: float) -> Inventory:
        """Return all certificates.

        Main mode SAs are at most `max_age` seconds old; the contents of the store may be older.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: main mode SAs cannot be read.
        """
        snapshot = await self._ike_sas.snapshot_at_most(max_age)
        uses = await self._uses(snapshot)
        wanted = thumbprints_to_look_up(uses, MAX_LOCAL)
        async with self._looking_up:
            contents = await self._store.look_up(wanted)
            self.latest = Inventory(snapshot, uses, contents, wanted)
            return self.latest

    async def _uses(self, snapshot: Snapshot) -> Uses:
        """Return how main mode SAs use certificates, counted again only if the SAs changed.

        The seat comes before the lock. Otherwise, a request in one caller's queue would delay the
        requests of all others.
        """
        if (uses := self._kept(snapshot)) is not None:
            return uses
        async with self._filtering.seat(), self._counting:
            uses = self._kept(snapshot)
            if uses is None:
                uses = await anyio.to_thread.run_sync(count, snapshot)
                self._counted = (_content(snapshot), uses)
            return uses

    def _kept(self, snapshot: Snapshot) -> Uses | None:
        """Return the uses that were last counted if the main mode SAs are still the same."""
        if self._counted is None or self._counted[0] != _content(snapshot):
            return None
        return self._counted[1]


def _content(snapshot: Snapshot) -> tuple[str, int]:
    """Return what identifies the main mode SAs of a snapshot."""
    return snapshot.epoch, snapshot.content_revision
