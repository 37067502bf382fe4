"""Reading all or some objects of one resource, in a thread.

How all objects are read: the whole enumeration is fetched first, page by page, so that
all ids are known. The objects are then decoded in ascending order of their ids, and each
page's array is freed after its last object. If there are more than `MAX_UNDECODED`
objects, the oldest pages are decoded and freed during the enumeration, in the engine's
order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from functools import partial
from typing import Final, NamedTuple, Self

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.resource import (
    Array,
    Encoder,
    NoObserver,
    ObjectSource,
    Observer,
    ResourceKind,
)
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.state import Override, PointRead, SnapshotBuild
from bindings.call_notes import NOTES
from bindings.engine import Basis, Engine
from bindings.errors import EngineError, EnumerationTooLarge, IkeextNotRunning, NotFound
from bindings.sa_contexts import PAGE_SIZE


MAX_UNDECODED: Final = 16_384
"""Maximum number of undecoded objects in the engine's memory; an SA context takes some 4 kB.

Undecoded objects can be decoded in order of their ids, so that a client gets the first
page before the rest is decoded.
"""

MAX_BYTES: Final = 1 << 30
"""Default maximum size of the JSON that one refresh encodes, in bytes: 200,000 SA contexts."""

FIRST_PAGE: Final = 1000
"""Number of objects that are decoded before a partial snapshot is published."""


class EngineReader:
    """Reads the objects of one resource through an engine.

    Attributes:
        kind: the resource.
    """

    def __init__(
        self,
        engine: Engine,
        kind: ResourceKind,
        *,
        page_size: int = PAGE_SIZE,
        max_bytes: int = MAX_BYTES,
        max_undecoded: int = MAX_UNDECODED,
        observer: Observer | None = None,
    ) -> None:
        """Create a reader.

        Args:
            engine: the engine to read.
            kind: the resource.
            page_size: how many objects to request per call of the engine.
            max_bytes: maximum size of the JSON that one refresh encodes.
            max_undecoded: see `MAX_UNDECODED`.
            observer: learns from the objects how to read the engine.
        """
        self.kind: Final = kind
        self._engine = engine
        self._page_size = page_size
        self._max_bytes = max_bytes
        self._max_undecoded = max_undecoded
        self._observer = observer or NoObserver()
        self._bytes_left = max_bytes
        self._is_stopping = False

    def stop(self) -> None:
        """Make running and future reads raise `ShuttingDown` at the next object."""
        self._is_stopping = True

    def is_current(self, basis: Basis) -> bool:
        """Return whether the byte order of a basis is still in force."""
        return basis.ipv6_order is self._engine.ipv6_order()

    def read_all(
        self,
        start_build: Callable[[Basis], SnapshotBuilder],
        publish_partial: Callable[[Snapshot], None],
    ) -> tuple[SnapshotBuild, Basis]:
        """Read every object of one enumeration; return the build with its basis.

        Args:
            start_build: creates the builder, given the basis of the objects; called again if the
                read restarts in a new session.
            publish_partial: called with a partial snapshot of the first `FIRST_PAGE` objects if
                there are more objects, but at most `max_undecoded`.

        Raises:
            ShuttingDown: the reader was stopped.
            EnumerationTooLarge: the objects exceed the maximum number or size.
            ResourceUnreadable: processes died reading the resource (`bindings.call_notes`).
            EngineError: the engine failed.
            EngineBusy: another thread held the session for too long.
        """
        with NOTES.reading(self.kind.selection.LIST):
            return self._read_all(start_build, publish_partial)

    def _read_all(
        self,
        start_build: Callable[[Basis], SnapshotBuilder],
        publish_partial: Callable[[Snapshot], None],
    ) -> tuple[SnapshotBuild, Basis]:
        self._check_cancelled()
        encoder, annotations = self.kind.encoder(), self.kind.annotations(self._engine)
        enumerate_all = partial(self._enumerate, start_build, encoder)
        try:
            builder, undecoded, basis = self.kind.with_source(self._engine, enumerate_all)
        except EngineError as error:
            reason = self.kind.reason_if_empty(error)
            if reason is None:
                raise
            basis = self._engine.basis
            builder, undecoded = start_build(basis), _Undecoded()
            annotations = {**annotations, **reason}
        builder.annotations = annotations
        with undecoded:
            locations = undecoded.locations()
            for count, (_, array, index) in enumerate(locations):
                if count == FIRST_PAGE and undecoded.is_all:
                    publish_partial(builder.partial([location.id for location in locations]))
                self._decode(builder, array, index, encoder)
                undecoded.release_one_of(array)
        self._observer.conclude()
        return builder.build(), basis

    def read_points(self, ids: Iterable[int]) -> tuple[dict[int, PointRead], Basis]:
        """Read these objects; return the reads by id, and the basis of the last read.

        Raises:
            ShuttingDown: the reader was stopped.
            ResourceUnreadable: as for `read_all`.
            EngineError: the engine failed.
            EngineBusy: another thread held the session for too long.
        """
        encoder = self.kind.encoder()
        with NOTES.reading(self.kind.selection.LIST):
            point_reads = {id_: self._read_point(id_, encoder) for id_ in ids}
        return point_reads, self._engine.basis

    def _read_point(self, id_: int, encoder: Encoder) -> PointRead:
        self._check_cancelled()
        try:
            tree = self.kind.read(self._engine, id_)
        except (NotFound, IkeextNotRunning):
            return PointRead(None)
        self._observer.observe(tree)
        return PointRead(
            Override(encoder.fingerprint(tree), encoder.item(tree)),
            is_half_built=self.kind.is_half_built(tree),
        )

    def _enumerate(
        self,
        start_build: Callable[[Basis], SnapshotBuilder],
        encoder: Encoder,
        source: ObjectSource,
    ) -> tuple[SnapshotBuilder, _Undecoded, Basis]:
        """Fetch the whole enumeration; decode the oldest pages above `max_undecoded`."""
        self._check_cancelled()
        basis = self._engine.basis
        self._observer.start(*basis)
        builder = start_build(basis)
        self._bytes_left = self._max_bytes
        with ExitStack() as on_failure, closing(source.arrays(size=self._page_size)) as arrays:
            undecoded = on_failure.enter_context(_Undecoded())
            for array in arrays:
                undecoded.append(array)
                self._check_cancelled()
                while undecoded.count > self._max_undecoded:
                    with undecoded.popleft() as oldest:
                        for index in range(len(oldest)):
                            self._decode(builder, oldest, index, encoder)
            on_failure.pop_all()
        return builder, undecoded, basis

    def _check_cancelled(self) -> None:
        """Raise an error if the reader was stopped.

        Raises:
            ShuttingDown: the reader was stopped.
        """
        if self._is_stopping:
            raise ShuttingDown

    def _decode(self, builder: SnapshotBuilder, array: Array, index: int, encoder: Encoder) -> None:
        self._check_cancelled()
        tree = array.read(index)
        id_: int = tree[0]
        fingerprint = encoder.fingerprint(tree)
        if not builder.reuse(id_, fingerprint):
            self._observer.observe(tree)
            item = encoder.item(tree)
            self._bytes_left -= len(item.json)
            if self._bytes_left < 0:
                raise EnumerationTooLarge(array.function, f"{self._max_bytes:,} bytes of JSON")
            builder.add(id_, fingerprint, item)


class _Location(NamedTuple):
    """An object's place in the engine's memory."""

    id: int
    array: Array
    position: int


class _Undecoded:
    """Owns the arrays in the engine's memory that are still to be decoded.

    Attributes:
        count: the number of objects in these arrays.
        is_all: whether the whole enumeration is in these arrays.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_all = True
        self._arrays: deque[Array] = deque()
        self._remaining: Counter[int] = Counter()

    def append(self, array: Array) -> None:
        """Add an array and become its owner."""
        self._arrays.append(array)
        self._remaining[id(array)] = len(array)
        self.count += len(array)

    def popleft(self) -> Array:
        """Remove the oldest array; the caller owns it."""
        oldest = self._arrays.popleft()
        self.count -= len(oldest)
        self.is_all = False
        return oldest

    def locations(self) -> list[_Location]:
        """Return the location of each object, in ascending order of the ids."""
        locations = {
            id_: _Location(id_, array, index)
            for array in self._arrays
            for index, id_ in enumerate(array.ids())
        }
        return [locations[id_] for id_ in sorted(locations)]

    def release_one_of(self, array: Array) -> None:
        """Count one object of an array as decoded; free the array after its last object."""
        self._remaining[id(array)] -= 1
        if not self._remaining[id(array)]:
            array.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays:
            array.free()
