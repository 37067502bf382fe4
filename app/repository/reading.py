"""Reading the engine's contexts into a version's entries, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from app.encoding.sa_contexts import InterfaceAlias, encode_sa_context
from app.repository.drains import DrainAborted
from app.repository.selection import endpoints_of
from app.repository.versions import Entry
from bindings.engine import Engine
from bindings.errors import IkeextNotRunning
from bindings.records import SaContext
from bindings.sa_contexts import PAGE_SIZE, SaContexts


@dataclass(frozen=True, slots=True)
class Reading:
    """What one drain found, and in which incarnation of the engine's session."""

    entries: dict[int, Entry]
    incarnation: int
    is_ikeext_running: bool


class Reader:
    """Reads contexts through an engine, as entries."""

    def __init__(
        self,
        engine: Engine,
        aliases: Callable[[], InterfaceAlias],
        *,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._engine = engine
        self._aliases = aliases
        self._page_size = page_size
        self._is_stopping = False

    def stop(self) -> None:
        """Let a reading of all contexts that is under way end at its next page."""
        self._is_stopping = True

    def read_all(self) -> Reading:
        """Every context of one enumeration.

        Raises:
            DrainAborted: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        try:
            entries = self._engine.attempt(self._drain)
        except IkeextNotRunning:
            return Reading({}, self._engine.incarnation, is_ikeext_running=False)
        return Reading(entries, self._engine.incarnation, is_ikeext_running=True)

    def read_one(self, sa_context_id: int) -> bytes:
        """The JSON text of one context as it is now.

        Raises:
            NotFound: there is none of this id.
            EngineError: the engine refused, also after a new session was tried.
        """
        return encode_sa_context(self._engine.get(sa_context_id), self._aliases())

    def _drain(self, contexts: SaContexts) -> dict[int, Entry]:
        alias = self._aliases()
        entries: dict[int, Entry] = {}
        with closing(contexts.pages(size=self._page_size)) as pages:
            for page in pages:
                if self._is_stopping:
                    raise DrainAborted
                for context in page:
                    entries[context.sa_context_id] = _entry(context, alias)
        return entries


def _entry(context: SaContext, alias: InterfaceAlias) -> Entry:
    return Entry(endpoints_of(context), encode_sa_context(context, alias))
