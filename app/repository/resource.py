"""Resource kinds: what the repository must know about one kind of listed object.

Stores, pages and cursors are generic: they use only ids, JSON texts, and the index keys
that filters compare. A kind defines everything that is specific to its resource.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from typing import ClassVar, Protocol, Self, TypeVar

from app.repository.changes.events import EventEncoder
from app.repository.changes.rekeys import Negotiation
from app.repository.counts import Counts, Uncounted
from app.repository.query.filters import Key, Selection
from app.repository.snapshot.model import Item
from app.schemas.names import View
from bindings.addresses import Ipv6Order
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning
from bindings.memory import RawTree


T = TypeVar("T")


class Array(Protocol):
    """One page of an enumeration, in the engine's memory. Its owner frees it."""

    @property
    def function(self) -> str:
        """The function that returned it, for errors."""

    def __len__(self) -> int:
        """Return the number of objects."""

    def ids(self) -> list[int]:
        """Return the id of each object."""

    def read(self, index: int) -> RawTree:
        """Return a copy of one object; its first member is its id."""

    def free(self) -> None:
        """Free the array, unless it is already freed."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class ObjectSource(Protocol):
    """The objects of one kind, read through one session."""

    def arrays(self, *, size: int) -> Generator[Array]:
        """Yield all objects in arrays of at most `size` objects; the caller owns each array.

        Raises:
            EngineError: the engine failed.
        """

    def read(self, object_id: int, /) -> RawTree:
        """Return a copy of one object as it is now.

        Raises:
            NotFound: no object has this id.
            EngineError: the engine failed.
        """


class Encoder(Protocol):
    """Encodes the objects of one refresh."""

    def fingerprint(self, tree: RawTree) -> bytes:
        """Return a digest; equal digests mean equal items (`bindings.fingerprints`)."""

    def item(self, tree: RawTree) -> Item:
        """Return the item of an object."""


class Observer(Protocol):
    """Learns from objects how to read the engine. Runs in the store's thread."""

    def start(self, incarnation: int, order: Ipv6Order, /) -> None:
        """Prepare for a refresh.

        Args:
            incarnation: the number of the session that the refresh uses (`Engine.incarnation`).
            order: the byte order in which the refresh reads addresses.
        """

    def observe(self, tree: RawTree, /) -> None:
        """Examine an object; a refresh skips unchanged ones."""

    def conclude(self) -> None:
        """Evaluate what was observed: the refresh has read all objects."""


class NoObserver:
    """An observer that learns nothing."""

    def start(self, *_: object) -> None:
        """Do nothing."""

    def observe(self, _tree: RawTree, /) -> None:
        """Do nothing."""

    def conclude(self) -> None:
        """Do nothing."""


class ListKind(ABC):
    """One kind of object that the API lists.

    Attributes:
        selection: the class of the filters of its lists.
        events: encodes its events; not set if the list has none.
    """

    selection: ClassVar[type[Selection]]
    events: ClassVar[EventEncoder]

    def in_view(self, texts: bytes, view: View) -> bytes:  # noqa: ARG002  # for subclasses
        """Convert JSON texts of one or more objects to a view, if the kind has views.

        Args:
            texts: the texts, with any separators, in the full view.
            view: the view.
        """
        return texts


class ResourceKind(ListKind):
    """One kind of object that the engine lists."""

    @staticmethod
    @abstractmethod
    def with_source(engine: Engine, work: Callable[[ObjectSource], T], /) -> T:
        """Call `work` with the objects and return its result; see `Engine.run_in_session`."""

    @abstractmethod
    def encoder(self) -> Encoder:
        """Create the encoder of one refresh."""

    def read(self, engine: Engine, id_: int) -> RawTree:
        """Return a copy of one object as it is now.

        Raises:
            NotFound: no object has this id.
            EngineError: the engine failed.
            EngineBusy: another thread held the session for too long.
        """
        return self.with_source(engine, lambda source: source.read(id_))

    def read_json(self, engine: Engine, id_: int) -> bytes:
        """Return the JSON text of one object as it is now.

        Raises:
            ResourceUnreadable: processes died reading the resource (`bindings.call_notes`).
            EngineError: as for `ObjectSource.read`.
        """
        with NOTES.reading(self.selection.LIST):
            return self.encoder().item(self.read(engine, id_)).json

    def is_half_built(self, tree: RawTree) -> bool:  # noqa: ARG002  # for subclasses
        """Return whether the object lacks parts that may appear soon."""
        return False

    def negotiations(self, key: Key) -> set[Negotiation]:  # noqa: ARG002  # for subclasses
        """Return the negotiations of an object's SAs, by which rekeys are recognized."""
        return set()

    def annotations(self, engine: Engine) -> Mapping[str, str]:  # noqa: ARG002  # for subclasses
        """Return members to add to each page."""
        return {}

    def reason_if_empty(self, error: EngineError) -> Mapping[str, str] | None:
        """Return annotations if the error means that the list is empty; None otherwise."""
        return {"ikeext": "not_running"} if isinstance(error, IkeextNotRunning) else None

    def counts(self) -> Counts:
        """Create the counts of an empty list."""
        return Uncounted()
