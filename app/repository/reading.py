"""Reading the engine's contexts, in a thread of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Final, NamedTuple, Self

from app.encoding.sa_contexts import InterfaceAlias, encode_sa_context
from app.repository.assembly import Assembly
from app.repository.contents import Edition, Look, Patch
from app.repository.drains import DrainAborted
from app.repository.keys import key_of
from app.repository.versions import Entry, Version
from app.schemas.names import Baseline
from bindings.decode import decode_sa_context
from bindings.engine import Engine
from bindings.errors import IkeextNotRunning, NotFound
from bindings.marks import mark_of
from bindings.memory import Plain
from bindings.records import SaContext
from bindings.sa_contexts import PAGE_SIZE, SaContextArray, SaContexts
from bindings.tree import local_if_luids


MOST_UNREAD: Final = 16_384
"""How many contexts may wait in the engine's memory to be decoded in the order of their ids.

That order gives the first page at once and the others while it is being read,
for the price of some 4 kB a context for a while.
"""

FIRST_PAGE: Final = 1000
"""How many contexts are decoded before a version is announced."""


class Reader:
    """Reads contexts through an engine, as entries."""

    def __init__(
        self,
        engine: Engine,
        aliases: Callable[[], InterfaceAlias],
        *,
        baseline: Baseline = Baseline.NIST_SP_800_77R1,
        page_size: int = PAGE_SIZE,
        most_unread: int = MOST_UNREAD,
    ) -> None:
        """Make a reader.

        Args:
            engine: where from.
            aliases: makes what names interfaces, anew for each reading.
            baseline: what weaknesses are judged against.
            page_size: contexts that one call asks the engine for.
            most_unread: see `MOST_UNREAD`.
        """
        self.baseline: Final = baseline
        self._engine = engine
        self._aliases = aliases
        self._page_size = page_size
        self._most_unread = most_unread
        self._is_stopping = False

    def stop(self) -> None:
        """Let a reading of all contexts that is under way end soon."""
        self._is_stopping = True

    def read_all(
        self, begin: Callable[[int], Assembly], announce: Callable[[Version], None]
    ) -> Edition:
        """Every context of one enumeration.

        Args:
            begin: begins a version, for an incarnation of the engine's session.
            announce: is told the version's first contexts, where the others take a while.

        Raises:
            DrainAborted: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        alias = self._aliases()

        def enumerate_all(contexts: SaContexts) -> tuple[Assembly, _Unread]:
            assembly = begin(self._engine.incarnation)
            return assembly, self._enumerate(contexts, assembly, alias)

        try:
            assembly, unread = self._engine.attempt(enumerate_all)
        except IkeextNotRunning:
            return begin(self._engine.incarnation).finish(is_ikeext_running=False)
        with unread:
            places = unread.places()
            for number, (_, array, at) in enumerate(places):
                if number == FIRST_PAGE and unread.is_all:
                    announce(assembly.incomplete([place.sa_context_id for place in places]))
                self._put(assembly, array, at, alias)
                unread.took_from(array)
        return assembly.finish()

    def look(self, sa_context_ids: Iterable[int]) -> tuple[dict[int, Look], int]:
        """What there is of each of these contexts, and the incarnation that gave the last.

        Raises:
            EngineError: the engine refused, also after a new session was tried.
        """
        alias = self._aliases()
        looks = {number: self._look(number, alias) for number in sa_context_ids}
        return looks, self._engine.incarnation

    def read_one(self, sa_context_id: int) -> bytes:
        """The JSON text of one context as it is now.

        Raises:
            NotFound: there is none of this id.
            EngineError: the engine refused, also after a new session was tried.
        """
        context = self._engine.get(sa_context_id)
        return encode_sa_context(context, self._aliases(), self.baseline)

    def _look(self, sa_context_id: int, alias: InterfaceAlias) -> Look:
        try:
            plain = self._engine.attempt(lambda contexts: contexts.read(sa_context_id))
        except (NotFound, IkeextNotRunning):
            return Look(None)
        context, mark = decode_sa_context(plain), _mark(plain, alias)
        return Look(
            Patch(mark, self._entry(context, alias)),
            is_half_built=context.inbound_sa is None or context.outbound_sa is None,
        )

    def _entry(self, context: SaContext, alias: InterfaceAlias) -> Entry:
        return Entry(
            key_of(context, self.baseline), encode_sa_context(context, alias, self.baseline)
        )

    def _enumerate(
        self, contexts: SaContexts, assembly: Assembly, alias: InterfaceAlias
    ) -> _Unread:
        """Take the whole enumeration; decode already what would be too much to leave unread."""
        with ExitStack() as on_failure, closing(contexts.arrays(size=self._page_size)) as arrays:
            unread = on_failure.enter_context(_Unread())
            for array in arrays:
                unread.append(array)
                while unread.count > self._most_unread:
                    with unread.popleft() as oldest:
                        for index in range(len(oldest)):
                            self._put(assembly, oldest, index, alias)
            on_failure.pop_all()
        return unread

    def _put(
        self, assembly: Assembly, array: SaContextArray, index: int, alias: InterfaceAlias
    ) -> None:
        if self._is_stopping:
            raise DrainAborted
        plain = array.read(index)
        sa_context_id: int = plain[0]
        mark = _mark(plain, alias)
        if not assembly.keep(sa_context_id, mark):
            assembly.put(sa_context_id, mark, self._entry(decode_sa_context(plain), alias))


def _mark(plain: Plain, alias: InterfaceAlias) -> bytes:
    return mark_of(plain, *map(alias, local_if_luids(plain)))


class _Place(NamedTuple):
    """Where a context is in the engine's memory."""

    sa_context_id: int
    array: SaContextArray
    at: int


class _Unread:
    """Arrays in the engine's memory whose contexts are still to be decoded.

    Attributes:
        count: how many contexts they have.
        is_all: whether the enumeration gave no others.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_all = True
        self._arrays: deque[SaContextArray] = deque()
        self._left: Counter[int] = Counter()

    def append(self, array: SaContextArray) -> None:
        """Take an array, to be freed here."""
        self._arrays.append(array)
        self._left[id(array)] = len(array)
        self.count += len(array)

    def popleft(self) -> SaContextArray:
        """Give the oldest array away."""
        oldest = self._arrays.popleft()
        self.count -= len(oldest)
        self.is_all = False
        return oldest

    def places(self) -> list[_Place]:
        """Where the contexts are, in ascending order of their ids, each id once."""
        places = {
            sa_context_id: _Place(sa_context_id, array, at)
            for array in self._arrays
            for at, sa_context_id in enumerate(array.ids())
        }
        return [places[sa_context_id] for sa_context_id in sorted(places)]

    def took_from(self, array: SaContextArray) -> None:
        """Free an array when its last context has been taken."""
        self._left[id(array)] -= 1
        if not self._left[id(array)]:
            array.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays:
            array.free()
