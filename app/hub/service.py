"""A hub beneath HTTP: its database, credentials and signs of life."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import anyio
import structlog
from fastapi import Request

from app.auth.api_keys import ApiKeyStore
from app.fleet.wire import Pacing
from app.hub.credentials import HubAuthenticator, Nonces
from app.hub.database import Database
from app.hub.hosts.presence import Presence
from app.hub.settings import HubSettings
from app.hub.store import StoreFailed
from app.service import Capacity


log = structlog.get_logger(__name__)

BULK_SECONDS: Final = 10.0
"""The time between writes of signs of life."""
FORGOTTEN_AT_ONCE: Final = 5000
"""Objects of the past that are deleted in one transaction, which reports wait for."""
FORGET_PAUSE_SECONDS: Final = 0.1
CLOSE_SECONDS: Final = 1.0
"""The timeout for closing the database."""


class HubService:
    """Everything of a hub beneath HTTP. Belongs to one event loop.

    Attributes:
        settings: the hub's settings.
        database: the database.
        credentials: verifies credentials, of readers and agents.
        nonces: what agents sign.
        presence: the hosts' signs of life.
        pacing: the pace that agents are to keep.
        capacity: what callers share fairly; reports are read as snapshots are filtered.
    """

    def __init__(
        self, settings: HubSettings, database: Database, credentials: HubAuthenticator
    ) -> None:
        self.settings: Final = settings
        self.database: Final = database
        self.credentials: Final = credentials
        self.nonces: Final = Nonces(database.store.secret)
        self.presence: Final = Presence(settings)
        self.pacing: Final = Pacing(
            debounce_seconds=settings.debounce_seconds, heartbeat_seconds=settings.heartbeat_seconds
        )
        self.capacity: Final = Capacity()
        self._failed = False

    @property
    def is_ready(self) -> bool:
        """Whether the database could be written when it was last tried."""
        return not self._failed

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run for the duration of the block, then close the database."""
        try:
            async with anyio.create_task_group() as tasks:
                api_keys: ApiKeyStore | None = self.credentials.api_keys
                if api_keys is not None:
                    tasks.start_soon(api_keys.run)
                tasks.start_soon(self._maintain)
                yield
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._write_presence()
                await self.database.run(lambda store: store.close())

    def stop(self) -> None:
        """Stop waiting for an issuer."""
        self.credentials.stop()

    async def _maintain(self) -> None:
        """Write signs of life and forget the past, regularly."""
        while True:
            await anyio.sleep(BULK_SECONDS)
            await self._write_presence()
            await self._forget_past()

    async def _write_presence(self) -> None:
        seen = self.presence.take_unwritten()
        try:
            await self.database.run(lambda store: store.note_seen(seen))
        except StoreFailed as error:
            self.presence.put_back(seen)
            if not self._failed:
                log.error("database_failed", error=str(error))  # noqa: TRY400  # no traceback needed
            self._failed = True
        else:
            self._failed = False

    async def _forget_past(self) -> None:
        before, forgotten = time.time() - self.settings.past_seconds, FORGOTTEN_AT_ONCE
        while forgotten == FORGOTTEN_AT_ONCE and not self._failed:
            try:
                forgotten = await self.database.run(
                    lambda store: store.forget_past(before, FORGOTTEN_AT_ONCE)
                )
            except StoreFailed:
                return  # `_write_presence` reports it
            await anyio.sleep(FORGET_PAUSE_SECONDS)


async def hub_of(request: Request) -> HubService:
    """Return the hub behind the application."""
    return cast(HubService, request.app.state.hub)
