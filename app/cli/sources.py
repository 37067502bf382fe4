"""Where a command gets SA contexts from: this host's engine, or a running server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

import orjson
import typer

from app.cli.failures import explained_failures
from app.cli.options import given
from app.cli.servers import Access, url_of_environment
from app.repository.query.filters import Selection
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.index import index_key
from app.service import ipv6_order_detector, open_engine, open_library
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning, NotFound
from bindings.interfaces import interface_aliases


HAS_ENDED: Final = "has ended"


class Source(Protocol):
    """Reads SA contexts and main mode SAs in the API's form."""

    def contexts(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected contexts, in ascending order of their id."""

    def context(self, sa_context_id: int) -> dict[str, Any] | None:
        """Return a context; None if there is none with this id."""

    def main_mode_sa(self, sa_id: str) -> dict[str, Any] | str:
        """Return a main mode SA, or why it cannot be shown; printable."""


class EngineSource:
    """Reads this host's engine."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._baseline = settings.baseline

    def contexts(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the contexts that match the selection, as the server's lists do.

        They are rendered one by one: as JSON objects, all of them could need gigabytes.

        Raises:
            EngineError: the engine failed.
        """
        matches = selection.matcher()
        found = sorted(
            (
                context
                for page in self._engine.pages()
                for context in page
                if matches(index_key(context, self._baseline))
            ),
            key=lambda context: context.sa_context_id,
        )
        alias = interface_aliases()
        return (render_sa_context(context, alias, self._baseline) for context in found)

    def context(self, sa_context_id: int) -> dict[str, Any] | None:
        """Return a context; None if there is none with this id.

        Raises:
            EngineError: the engine failed.
        """
        try:
            found = self._engine.get(sa_context_id)
        except NotFound:
            return None
        return render_sa_context(found, interface_aliases(), self._baseline)

    def main_mode_sa(self, sa_id: str) -> dict[str, Any] | str:
        """Return a main mode SA, or why it cannot be shown."""
        try:
            found: dict[str, Any] = orjson.loads(IkeSaKind().read_json(self._engine, int(sa_id)))
        except (NotFound, IkeextNotRunning):
            return HAS_ENDED
        except EngineError as error:
            return f"cannot be read: {error}"
        return found


@contextmanager
def opened_source(
    url: str | None, access: Access, engine: str | None, simulated_contexts: int | None
) -> Iterator[Source]:
    """Open the source that the options name; exit with one sentence if it fails.

    If none of them names a source, the environment may name a server; otherwise it is the engine.
    """
    names_engine = engine is not None or simulated_contexts is not None
    if url is not None and names_engine:
        raise typer.BadParameter(
            "cannot be combined with --engine or --simulated-contexts", param_hint="--url"
        )
    if not names_engine:
        url = url or url_of_environment()
    if url is None and access != Access():
        raise typer.BadParameter(
            "--ca, --certificate, --token-file and --allow-insecure require it", param_hint="--url"
        )
    if url is not None:
        from app.cli import client, remote  # noqa: PLC0415  # serving needs no client

        with explained_failures(client.RequestRejected), client.malformed_rejected("an answer"):
            yield remote.ServerSource(client.server_at(url, access))
        return
    with explained_failures():
        settings = Settings(
            **given(engine=engine, simulated_contexts=simulated_contexts, simulated_churn=0)
        )
        configure_logging(settings.log_format, settings.log_level)
        ipv6_order = ipv6_order_detector(settings)
        with open_engine(open_library(settings), settings, ipv6_order.order) as opened:
            with suppress(EngineError):  # `show` does not need the right to enumerate
                opened.with_sa_contexts(ipv6_order.examine)
            yield EngineSource(opened, settings)
