"""Sources of SA contexts for commands: this host's engine or a running server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import orjson
import typer

from app.cli.asking import opened_server
from app.cli.details import HAS_ENDED
from app.cli.failures import explained_failures
from app.cli.options import given
from app.cli.servers import REQUIRES_URL, Access, require_no_access, url_of_environment
from app.cli.simulation import simulation_noticed
from app.repository.query.filters import Selection
from app.repository.store import EngineTimedOut
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.index import index_key
from app.resources.sa_contexts.summary_view import summary_view
from app.service import ipv6_order_detector, open_engine, open_library
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning, NotFound
from bindings.interfaces import interface_aliases
from bindings.rule_names import RuleNames


class Source(Protocol):
    """Reads SA contexts and main mode SAs in the API's form."""

    def contexts(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected contexts, in ascending order of their id."""

    def summaries(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected contexts in the view `summary`, in ascending order of their id."""

    def context(self, sa_context_id: int) -> dict[str, Any] | None:
        """Return the context with this id; None if there is none."""

    def main_mode_sa(self, sa_id: str) -> dict[str, Any] | str:
        """Return the main mode SA with this id, or a text that says why it cannot be shown."""


class EngineSource:
    """Reads this host's engine."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._baseline = settings.baseline
        self._names = RuleNames(engine)

    def contexts(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected contexts, in ascending order of their id.

        Each context is rendered only when the iterator reaches it, because all contexts as JSON
        objects could need gigabytes.

        Raises:
            EngineError: the engine failed.
        """
        matches, alias, lookup = selection.matcher(), interface_aliases(), self._names.lookup()
        found = sorted(
            (
                context
                for page in self._engine.pages()
                for context in page
                if matches(index_key(context, self._baseline, lookup))
            ),
            key=lambda context: context.sa_context_id,
        )
        return (render_sa_context(context, alias, self._baseline, lookup) for context in found)

    def summaries(self, selection: Selection) -> Iterable[dict[str, Any]]:
        """Return the selected contexts in the view `summary`, in ascending order of their id.

        Raises:
            EngineError: the engine failed.
        """
        contexts = self.contexts(selection)
        return (orjson.loads(summary_view(orjson.dumps(context))) for context in contexts)

    def context(self, sa_context_id: int) -> dict[str, Any] | None:
        """Return the context with this id; None if there is none.

        Raises:
            EngineError: the engine failed.
        """
        try:
            found = self._engine.get(sa_context_id)
        except NotFound:
            return None
        lookup = self._names.lookup()
        return render_sa_context(found, interface_aliases(), self._baseline, lookup)

    def main_mode_sa(self, sa_id: str) -> dict[str, Any] | str:
        """Return the main mode SA with this id, or a text that says why it cannot be shown."""
        try:
            kind = IkeSaKind(self._baseline)
            found: dict[str, Any] = orjson.loads(kind.read_json(self._engine, int(sa_id)))
        except (NotFound, IkeextNotRunning):
            return HAS_ENDED
        except EngineError as error:
            return f"cannot be read: {error}"
        return found


def url_of(
    url: str | None, access: Access, engine: str | None, simulated_contexts: int | None
) -> str | None:
    """Return the URL of the server to ask; None if the options name this host's engine.

    Raises:
        typer.BadParameter: the options contradict each other.
    """
    names_engine = engine is not None or simulated_contexts is not None
    if url is not None and names_engine:
        raise typer.BadParameter(
            "cannot be combined with --engine or --simulated-contexts", param_hint="--url"
        )
    if names_engine:
        require_no_access(access, "cannot be combined with --engine or --simulated-contexts")
        return None
    url = url or url_of_environment()
    if url is None:
        require_no_access(access, REQUIRES_URL)
    return url


@contextmanager
def opened_source(
    url: str | None, access: Access, engine: str | None, simulated_contexts: int | None
) -> Iterator[Source]:
    """Open the source that the options name; exit with a message if opening or the block fails.

    If the options name neither a server nor an engine, the source is the server at SA_CONTEXTS_URL
    or, if that is not set, this host's engine.

    Raises:
        typer.BadParameter: the options contradict each other.
    """
    url = url_of(url, access, engine, simulated_contexts)
    if url is not None:
        from app.cli import remote  # noqa: PLC0415  # not loaded for `serve`

        with opened_server(url, access) as server:
            yield remote.ServerSource(server)
        return
    with explained_failures(), simulation_noticed():
        settings = Settings(
            **given(engine=engine, simulated_contexts=simulated_contexts, simulated_churn=0)
        )
        configure_logging(settings.log_format, settings.log_level)
        ipv6_order = ipv6_order_detector(settings)
        with open_engine(open_library(settings), settings, ipv6_order.order) as opened:
            with suppress(EngineError):  # `show` works without the right to enumerate
                opened.with_sa_contexts(ipv6_order.examine)
            yield EngineSource(opened, settings)


@contextmanager
def engine_settings(engine: str | None, simulated_contexts: int | None) -> Iterator[Settings]:
    """Yield the settings of a service that reads this host's engine once, without listening.

    Exit with a message if the settings are wrong or the block fails.
    """
    with explained_failures(EngineTimedOut), simulation_noticed():
        settings = Settings(
            **given(engine=engine, simulated_contexts=simulated_contexts),
            simulated_churn=0,
            simulated_net_events=0,
            api_keys_file=None,
            oidc_issuer=None,
        )
        configure_logging(settings.log_format, settings.log_level)
        yield settings
