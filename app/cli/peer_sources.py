"""Sources of peers and tunnels for commands: this host's engine or a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any, Protocol, TypeVar

import anyio
import orjson

from app.answers.peers.detail import detail_of, why_not_found
from app.answers.peers.part import PeersPart
from app.answers.peers.store import PeerStore
from app.answers.tunnels.part import TunnelsPart
from app.answers.visible import Visible
from app.bootstrap import create_service
from app.cli.asking import opened_server
from app.cli.servers import Access
from app.cli.sources import engine_settings, url_of
from app.repository.query.filters import Selection
from app.repository.snapshot.source import SnapshotSource
from app.repository.store import EngineTimedOut
from app.service import Service
from app.settings.model import Settings
from bindings.errors import EngineError


T = TypeVar("T")


class PeerSource(Protocol):
    """Reads peers and tunnels in the API's form."""

    def peers(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected peers, in the selection's order."""

    def peer(self, address: str) -> dict[str, Any] | str:
        """Return the peer with this address, in detail, or a text that says why there is none."""

    def tunnels(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected tunnels, in order of their keys."""


class EnginePeerSource:
    """Reads this host's engine, as a server does that has just started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def peers(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected peers, in the selection's order.

        Raises:
            EngineError: the engine failed.
        """
        return self._run(lambda service: _selected(_peers(service).store, selection))

    def peer(self, address: str) -> dict[str, Any] | str:
        """Return the peer with this address, in detail, or a text that says why there is none.

        Raises:
            EngineError: the engine failed.
        """

        async def read(service: Service) -> dict[str, Any] | str:
            parsed = ip_address(address)
            detail = await detail_of(parsed, _peers(service), service)
            if detail is None:
                return why_not_found(parsed, sees_failures=True)
            found: dict[str, Any] = orjson.loads(detail)
            return found

        return self._run(read)

    def tunnels(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected tunnels, in order of their keys.

        Raises:
            EngineError: the engine failed.
        """
        return self._run(
            lambda service: _selected(
                service.part(TunnelsPart).view(sees_failures=True).store, selection
            )
        )

    def _run(self, read: Callable[[Service], Awaitable[T]]) -> T:
        async def run() -> T:
            service = create_service(self._settings)
            async with service.running():
                with suppress(EngineError, EngineTimedOut):  # without failures
                    await service.part(PeersPart).net_events.wait_until_ready()
                return await read(service)

        return anyio.run(run)


def _peers(service: Service) -> Visible[PeerStore]:
    return service.part(PeersPart).view(sees_failures=True)


async def _selected(store: SnapshotSource, selection: Selection) -> list[dict[str, Any]]:
    snapshot = await store.snapshot_at_most(0)
    positions = snapshot.positions_of(selection)
    return [orjson.loads(snapshot.blocks[position]) for position in positions]


@contextmanager
def opened_peer_source(
    url: str | None, access: Access, engine: str | None, simulated_contexts: int | None
) -> Iterator[PeerSource]:
    """Open the source that the options name; exit with a message if opening or the block fails.

    Raises:
        typer.BadParameter: the options contradict each other.
    """
    url = url_of(url, access, engine, simulated_contexts)
    if url is not None:
        from app.cli import remote  # noqa: PLC0415  # not loaded for `serve`

        with opened_server(url, access) as server:
            yield remote.ServerSource(server)
        return
    with engine_settings(engine, simulated_contexts) as settings:
        yield EnginePeerSource(settings)
