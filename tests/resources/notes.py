"""A throw-away resource by the recipe of docs/architecture.md: notes, served from a table.

In `app/` this module would be the folder `app/resources/notes`; the one line is its `RESOURCE`
in `app.resources.RESOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self, TypeVar

import orjson
from pydantic import MISSING, Field

from app.api.listed import Listed, listed_router
from app.api.parameters import ListQuery, filter_
from app.api.problems import ProblemKind
from app.api.resource import Resource
from app.repository.query.filters import Key, Selection, filter_field
from app.repository.resource import ObjectSource, ResourceKind
from app.repository.snapshot.model import Item
from app.schemas.base import Shape, Uint64
from app.schemas.pages import Snapshot
from app.service import start_on_demand
from bindings.engine import Engine
from bindings.errors import error_for
from bindings.fingerprints import fingerprint
from bindings.memory import RawTree
from bindings.winerror import WinError


T = TypeVar("T")

TABLE: Final = {number: ("red" if number % 3 else "blue", f"note {number}") for number in range(25)}
"""The color and the text of each note, by its id."""


class Note(Shape):
    """A note."""

    note_id: Uint64
    color: str
    text: str


class NotePage(Shape):
    """Notes in ascending order of their id."""

    items: list[Note]
    next_cursor: str | MISSING = Field(default=MISSING, description="Absent on the last page.")
    snapshot: Snapshot


class NoteExportEnd(Shape):
    """The last line of an export."""

    end: Literal[True]
    count: int
    snapshot: Snapshot


@dataclass(frozen=True)
class NoteSelection(Selection):
    """The notes of a color."""

    LIST: ClassVar[str] = "notes"

    color: tuple[str, ...] = filter_field(str)

    def matcher(self) -> Callable[[Key], bool]:
        """Return whether an index key has one of the colors."""
        colors = {color.encode() for color in self.color}
        return lambda key: not colors or key in colors


class NoteQuery(ListQuery):
    """What `GET /notes` takes."""

    SELECTION: ClassVar[type[Selection]] = NoteSelection

    color: list[str] = filter_("The color of the note.")


class NoteArray:
    """A page of the table."""

    function = "EnumerateNotes"

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self) -> list[int]:
        return self._numbers

    def read(self, index: int) -> RawTree:
        number = self._numbers[index]
        return (number, *TABLE[number])

    def free(self) -> None:
        """Free nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


class NoteSource:
    """The table as an enumeration."""

    def arrays(self, *, size: int) -> Generator[NoteArray]:
        numbers = [*TABLE]
        for start in range(0, len(numbers), size):
            yield NoteArray(numbers[start : start + size])

    def read(self, object_id: int) -> RawTree:
        if object_id not in TABLE:
            raise error_for(WinError.FWP_E_NOT_FOUND, "the table")
        return (object_id, *TABLE[object_id])


class NoteEncoder:
    """Encodes notes."""

    def fingerprint(self, plain: RawTree) -> bytes:
        return fingerprint(plain)

    def item(self, plain: RawTree) -> Item:
        number, color, text = plain
        note = {"noteId": str(number), "color": color, "text": text}
        return Item(color.encode(), orjson.dumps(note))


class NoteKind(ResourceKind):
    """Notes."""

    selection = NoteSelection

    @staticmethod
    def with_source(_engine: Engine, work: Callable[[ObjectSource], T]) -> T:
        source: Any = NoteSource()
        return work(source)

    def encoder(self) -> NoteEncoder:
        return NoteEncoder()


TAG: Final = "Notes"

NOT_FOUND: Final = ProblemKind(
    "note_not_found", 404, "There is no such note", "The table has no note with this id."
)
"""Made by `problems.declare` in a resource of `app/`; here, for the time of a test only."""

LISTED: Final = Listed(
    kind=NoteKind,
    plural="notes",
    singular="note",
    query=NoteQuery,
    item=Note,
    page=NotePage,
    export_end=NoteExportEnd,
    item_id="noteId",
    not_found=NOT_FOUND,
    list_description="List the notes.",
    item_description="Get one note.",
)

RESOURCE: Final = Resource(
    tag=TAG,
    description="Notes from a table.",
    router=listed_router(LISTED, TAG),
    key=NoteKind,
    start=lambda foundation: start_on_demand(NoteKind(), foundation),
    stream_shapes=(NoteExportEnd,),
)
