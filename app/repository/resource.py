"""Kinds: what the engine lists. What one kind has of its own, it tells the store here.

Stores, lists and cursors are the same for all kinds: they see ids, keys that
selections are compared with, and JSON texts.
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
from bindings.engine import Engine
from bindings.errors import EngineError, IkeextNotRunning
from bindings.memory import RawTree


T = TypeVar("T")


class Array(Protocol):
    """One page of an enumeration in the engine's memory, which whoever has it frees."""

    def __len__(self) -> int:
        """How many objects it has."""

    def ids(self) -> list[int]:
        """The id of each."""

    def read(self, index: int) -> RawTree:
        """A copy of one. Its id comes first."""

    def free(self) -> None:
        """Free the whole array; further calls do nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class ObjectSource(Protocol):
    """The objects of one kind, through one session."""

    def arrays(self, *, size: int) -> Generator[Array]:
        """Yield all of them, in pages of at most `size`, each to be freed by whom it is given to.

        Raises:
            EngineError: the engine refused.
        """


class Encoder(Protocol):
    """Makes entries of what is read; made anew for each reading."""

    def fingerprint(self, plain: RawTree) -> bytes:
        """What is the same as long as the entry of an object would be (`bindings.fingerprints`)."""

    def item(self, plain: RawTree) -> Item:
        """The entry of an object."""


class ResourceKind(ABC):
    """One kind of objects that the engine has.

    Attributes:
        selection: what its lists are filtered by.
        events: encodes its events; not there if it has none.
    """

    selection: ClassVar[type[Selection]]
    events: ClassVar[EventEncoder]

    @abstractmethod
    def with_source(self, engine: Engine, work: Callable[[ObjectSource], T]) -> T:
        """The result of `work`, which may be begun twice; errors as for the engine's method."""

    @abstractmethod
    def encoder(self) -> Encoder:
        """What makes entries now."""

    @abstractmethod
    def read(self, engine: Engine, id_: int) -> RawTree:
        """A copy of one object as it is now.

        Raises:
            NotFound: there is none of this id.
            EngineError: the engine refused, also after a new session was tried.
        """

    def read_json(self, engine: Engine, id_: int) -> bytes:
        """The JSON text of one object as it is now; errors as for `read`."""
        return self.encoder().item(self.read(engine, id_)).json

    def is_half_built(self, plain: RawTree) -> bool:  # noqa: ARG002  # for subclasses
        """Whether parts of an object are missing that may be there soon."""
        return False

    def negotiations(self, key: Key) -> set[Negotiation]:  # noqa: ARG002  # for subclasses
        """What negotiated an object: one that comes may be a rekey of one that went."""
        return set()

    def annotations(self, engine: Engine) -> Mapping[str, str]:  # noqa: ARG002  # for subclasses
        """What is to be said of all objects together, as members of each page."""
        return {}

    def reason_if_empty(self, error: EngineError) -> Mapping[str, str] | None:
        """What is to be said where an error means that there are no objects; None otherwise."""
        return {"ikeext": "not_running"} if isinstance(error, IkeextNotRunning) else None

    def counts(self) -> Counts:
        """Counts of no objects, to begin with; nothing is counted unless a kind says so."""
        return Uncounted()

    def basic_view(self, texts: bytes) -> bytes:
        """The JSON text of one object, or of several, in the basic view: all, if there is none."""
        return texts
