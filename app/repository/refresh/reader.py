"""Reading all that the engine has of a kind, in a thread of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Final, NamedTuple, Self

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.resource import Array, Encoder, ObjectSource, ResourceKind
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.state import Override, PointRead, SnapshotBuild
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning, NotFound
from bindings.sa_contexts import PAGE_SIZE


MAX_UNDECODED: Final = 16_384
"""How many objects may wait in the engine's memory to be decoded in the order of their ids.

That order gives the first page at once and the others while it is being read,
for the price of some 4 kB for each SA context for a while.
"""

FIRST_PAGE: Final = 1000
"""How many objects are decoded before a version is announced."""


class EngineReader:
    """Reads objects of a kind through an engine, as entries.

    Attributes:
        kind: which.
    """

    def __init__(
        self,
        engine: Engine,
        kind: ResourceKind,
        *,
        page_size: int = PAGE_SIZE,
        max_undecoded: int = MAX_UNDECODED,
    ) -> None:
        """Make a reader.

        Args:
            engine: where from.
            kind: what is read.
            page_size: how many objects one call asks the engine for.
            max_undecoded: see `MAX_UNREAD`.
        """
        self.kind: Final = kind
        self._engine = engine
        self._page_size = page_size
        self._most_unread = max_undecoded
        self._is_stopping = False

    def stop(self) -> None:
        """Let what is being read end soon."""
        self._is_stopping = True

    def read_all(
        self, begin: Callable[[int], SnapshotBuilder], publish_partial: Callable[[Snapshot], None]
    ) -> SnapshotBuild:
        """Every object of one enumeration.

        Args:
            begin: begins a version, for an incarnation of the engine's session.
            publish_partial: is told the version's first objects, where the others take a while.

        Raises:
            ShuttingDown: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        self._check_cancelled()
        encoder, remarks = self.kind.encoder(), self.kind.annotations(self._engine)

        def enumerate_all(objects: ObjectSource) -> tuple[SnapshotBuilder, _Undecoded]:
            self._check_cancelled()
            assembly = begin(self._engine.incarnation)
            assembly.annotations = remarks
            return assembly, self._enumerate(objects, assembly, encoder)

        try:
            assembly, unread = self.kind.with_source(self._engine, enumerate_all)
        except EngineError as error:
            absence = self.kind.reason_if_empty(error)
            if absence is None:
                raise
            assembly = begin(self._engine.incarnation)
            assembly.annotations = {**remarks, **absence}
            return assembly.build()
        with unread:
            places = unread.locations()
            for number, (_, array, at) in enumerate(places):
                if number == FIRST_PAGE and unread.is_all:
                    publish_partial(assembly.partial([place.id for place in places]))
                self._put(assembly, array, at, encoder)
                unread.release_one_of(array)
        return assembly.build()

    def read_points(self, ids: Iterable[int]) -> tuple[dict[int, PointRead], int]:
        """What there is of each of these objects, and the incarnation that gave the last.

        Raises:
            ShuttingDown: it was stopped.
            EngineError: the engine refused, also after a new session was tried.
        """
        encoder = self.kind.encoder()
        looks = {id_: self._read_point(id_, encoder) for id_ in ids}
        return looks, self._engine.incarnation

    def _read_point(self, id_: int, encoder: Encoder) -> PointRead:
        self._check_cancelled()
        try:
            plain = self.kind.read(self._engine, id_)
        except (NotFound, IkeextNotRunning):
            return PointRead(None)
        return PointRead(
            Override(encoder.fingerprint(plain), encoder.item(plain)),
            is_half_built=self.kind.is_half_built(plain),
        )

    def _enumerate(
        self, objects: ObjectSource, assembly: SnapshotBuilder, encoder: Encoder
    ) -> _Undecoded:
        """Take the whole enumeration; decode already what would be too much to leave unread."""
        with ExitStack() as on_failure, closing(objects.arrays(size=self._page_size)) as arrays:
            unread = on_failure.enter_context(_Undecoded())
            for array in arrays:
                unread.append(array)
                self._check_cancelled()
                while unread.count > self._most_unread:
                    with unread.popleft() as oldest:
                        for index in range(len(oldest)):
                            self._put(assembly, oldest, index, encoder)
            on_failure.pop_all()
        return unread

    def _check_cancelled(self) -> None:
        """Do nothing, unless it was stopped.

        Raises:
            ShuttingDown: it was.
        """
        if self._is_stopping:
            raise ShuttingDown

    def _put(self, assembly: SnapshotBuilder, array: Array, index: int, encoder: Encoder) -> None:
        self._check_cancelled()
        plain = array.read(index)
        id_: int = plain[0]
        mark = encoder.fingerprint(plain)
        if not assembly.reuse(id_, mark):
            assembly.add(id_, mark, encoder.item(plain))


class _Location(NamedTuple):
    """Where an object is in the engine's memory."""

    id: int
    array: Array
    at: int


class _Undecoded:
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

    def locations(self) -> list[_Location]:
        """Where the objects are, in ascending order of their ids, each id once."""
        places = {
            id_: _Location(id_, array, at)
            for array in self._arrays
            for at, id_ in enumerate(array.ids())
        }
        return [places[id_] for id_ in sorted(places)]

    def release_one_of(self, array: Array) -> None:
        """Free an array when its last object has been taken."""
        self._left[id(array)] -= 1
        if not self._left[id(array)]:
            array.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays:
            array.free()
