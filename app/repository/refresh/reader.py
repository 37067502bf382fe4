"""Reading all that the engine has of a kind, in a thread of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Final, NamedTuple, Self

from app.repository.refresh.scheduler import DrainAborted
from app.repository.resource import Array, Encoder, Enumerable, Kind
from app.repository.snapshot.builder import Assembly
from app.repository.snapshot.model import Version
from app.repository.snapshot.state import Edition, Look, Patch
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning, NotFound
from bindings.sa_contexts import PAGE_SIZE


MOST_UNREAD: Final = 16_384
"""How many objects may wait in the engine's memory to be decoded in the order of their ids.

That order gives the first page at once and the others while it is being read,
for the price of some 4 kB for each SA context for a while.
"""

FIRST_PAGE: Final = 1000
"""How many objects are decoded before a version is announced."""


class Reader:
    """Reads objects of a kind through an engine, as entries.

    Attributes:
        kind: which.
    """

    def __init__(
        self,
        engine: Engine,
        kind: Kind,
        *,
        page_size: int = PAGE_SIZE,
        most_unread: int = MOST_UNREAD,
    ) -> None:
        """Make a reader.

        Args:
            engine: where from.
            kind: what is read.
            page_size: how many objects one call asks the engine for.
            most_unread: see `MOST_UNREAD`.
        """
        self.kind: Final = kind
        self._engine = engine
        self._page_size = page_size
        self._most_unread = most_unread
        self._is_stopping = False

    def stop(self) -> None:
        """Let what is being read end soon."""
        self._is_stopping = True

    def read_all(
        self, begin: Callable[[int], Assembly], announce: Callable[[Version], None]
    ) -> Edition:
        """Every object of one enumeration.

        Args:
            begin: begins a version, for an incarnation of the engine's session.
            announce: is told the version's first objects, where the others take a while.

        Raises:
            DrainAborted: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        self._go_on()
        encoder, remarks = self.kind.encoder(), self.kind.remarks(self._engine)

        def enumerate_all(objects: Enumerable) -> tuple[Assembly, _Unread]:
            self._go_on()
            assembly = begin(self._engine.incarnation)
            assembly.remarks = remarks
            return assembly, self._enumerate(objects, assembly, encoder)

        try:
            assembly, unread = self.kind.attempt(self._engine, enumerate_all)
        except EngineError as error:
            absence = self.kind.absence(error)
            if absence is None:
                raise
            assembly = begin(self._engine.incarnation)
            assembly.remarks = {**remarks, **absence}
            return assembly.finish()
        with unread:
            places = unread.places()
            for number, (_, array, at) in enumerate(places):
                if number == FIRST_PAGE and unread.is_all:
                    announce(assembly.incomplete([place.id for place in places]))
                self._put(assembly, array, at, encoder)
                unread.took_from(array)
        return assembly.finish()

    def look(self, ids: Iterable[int]) -> tuple[dict[int, Look], int]:
        """What there is of each of these objects, and the incarnation that gave the last.

        Raises:
            DrainAborted: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        encoder = self.kind.encoder()
        looks = {id_: self._look(id_, encoder) for id_ in ids}
        return looks, self._engine.incarnation

    def _look(self, id_: int, encoder: Encoder) -> Look:
        self._go_on()
        try:
            plain = self.kind.read(self._engine, id_)
        except (NotFound, IkeextNotRunning):
            return Look(None)
        return Look(
            Patch(encoder.mark(plain), encoder.entry(plain)),
            is_half_built=self.kind.is_half_built(plain),
        )

    def _enumerate(self, objects: Enumerable, assembly: Assembly, encoder: Encoder) -> _Unread:
        """Take the whole enumeration; decode already what would be too much to leave unread."""
        with ExitStack() as on_failure, closing(objects.arrays(size=self._page_size)) as arrays:
            unread = on_failure.enter_context(_Unread())
            for array in arrays:
                unread.append(array)
                self._go_on()
                while unread.count > self._most_unread:
                    with unread.popleft() as oldest:
                        for index in range(len(oldest)):
                            self._put(assembly, oldest, index, encoder)
            on_failure.pop_all()
        return unread

    def _go_on(self) -> None:
        """Do nothing, unless it was stopped.

        Raises:
            DrainAborted: it was.
        """
        if self._is_stopping:
            raise DrainAborted

    def _put(self, assembly: Assembly, array: Array, index: int, encoder: Encoder) -> None:
        self._go_on()
        plain = array.read(index)
        id_: int = plain[0]
        mark = encoder.mark(plain)
        if not assembly.keep(id_, mark):
            assembly.put(id_, mark, encoder.entry(plain))


class _Place(NamedTuple):
    """Where an object is in the engine's memory."""

    id: int
    array: Array
    at: int


class _Unread:
    """Arrays in the engine's memory whose objects are still to be decoded.

    Attributes:
        count: how many objects they have.
        is_all: whether the enumeration gave no others.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_all = True
        self._arrays: deque[Array] = deque()
        self._left: Counter[int] = Counter()

    def append(self, array: Array) -> None:
        """Take an array, to be freed here."""
        self._arrays.append(array)
        self._left[id(array)] = len(array)
        self.count += len(array)

    def popleft(self) -> Array:
        """Give the oldest array away."""
        oldest = self._arrays.popleft()
        self.count -= len(oldest)
        self.is_all = False
        return oldest

    def places(self) -> list[_Place]:
        """Where the objects are, in ascending order of their ids, each id once."""
        places = {
            id_: _Place(id_, array, at)
            for array in self._arrays
            for at, id_ in enumerate(array.ids())
        }
        return [places[id_] for id_ in sorted(places)]

    def took_from(self, array: Array) -> None:
        """Free an array when its last object has been taken."""
        self._left[id(array)] -= 1
        if not self._left[id(array)]:
            array.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays:
            array.free()
