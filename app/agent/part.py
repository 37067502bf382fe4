"""The running part of the agent, if the settings name a hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, cast

import anyio

from app.agent import AgentUnusable
from app.agent.client import HubClient
from app.agent.content import FollowedStore
from app.agent.identity import IdentityUnusable, identity_in
from app.agent.reporter import Reporter
from app.agent.spool import Spool, SpoolUnusable
from app.answers.background import run_on
from app.files.reading import FileUnreadable, read_file
from app.resources.sa_contexts.kind import SaContextKind
from app.service import Foundation, Part, ResourceRuntime
from app.settings.paths import state_folder


MAX_TOKEN_BYTES: Final = 4096


class AgentPart(Part):
    """The agent of this host.

    Attributes:
        reporter: reports to the hub.
    """

    def __init__(self, foundation: Foundation, parts: Mapping[Hashable, Part], url: str) -> None:
        """Open the identity and the spool.

        Raises:
            AgentUnusable: they cannot be read or created, or the hub's CA file cannot be used.
        """
        settings = foundation.settings
        folder = settings.agent_folder or state_folder() / "agent"
        store = cast(ResourceRuntime, parts[SaContextKind]).store
        try:
            identity = identity_in(folder)
            self._client: Final = HubClient(url, settings.hub_ca_file, settings.hub_proxy)
            self._spool: Final = Spool(
                folder / "spool.db", settings.max_spool_bytes, settings.max_spool_seconds
            )
        except (IdentityUnusable, SpoolUnusable) as error:
            raise AgentUnusable(f"{error}") from None
        except OSError as error:
            raise AgentUnusable(
                f"cannot use the certificates {settings.hub_ca_file}: {error}"
            ) from None
        self._scope: Final = anyio.CancelScope()
        self.reporter: Final = Reporter(
            self._client,
            identity,
            FollowedStore(store, self._spool),
            partial(_read_token, settings.hub_token_file),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Report for the duration of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            yield
            tasks.cancel_scope.cancel()

    async def _run(self) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run_on, self.reporter.follow)
                tasks.start_soon(run_on, self.reporter.report)

    def stop(self) -> None:
        """Stop reporting; what the hub does not have yet stays in the spool."""
        self._scope.cancel()

    async def close(self) -> None:
        """Close the connection to the hub, and the spool once no thread uses it."""
        await self._client.close()
        await self.reporter.close_spool()


def _read_token(file: Path | None) -> str | None:
    """Return the enrolment token; None if there is no file, or it cannot be read."""
    if file is None:
        return None
    try:
        return read_file(file, MAX_TOKEN_BYTES).content.decode().strip()
    except (FileUnreadable, UnicodeDecodeError):
        return None
