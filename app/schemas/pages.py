"""Shapes shared by all lists and streams."""

from datetime import datetime
from typing import Any, Final

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.names import EngineKind


NEXT_CURSOR: Final[Any] = Field(
    default=MISSING,
    description="Value of the `cursor` parameter for the next page; absent on the last page.",
)


class Snapshot(Shape):
    """The state of the engine that a page shows. All pages of a list show the same state."""

    epoch: str = Field(description="Identifies a run of the engine; ids are valid only within it.")
    revision: int = Field(ge=1, description="The number of the state; it rises within an epoch.")
    taken_at: datetime = Field(description="The time at which the refresh began, in UTC.")
    host: str
    engine: EngineKind


class StreamPosition(Shape):
    """The data of the events `bookmark`, `reset` and `snapshot_end`: the stream's position."""

    time: datetime = Field(description="When the server created the event, in UTC.")
    epoch: str = Field(description="Identifies a run of the engine; ids are valid only within it.")
    revision: int = Field(ge=1, description="All changes up to this revision have been sent.")


class StreamEnd(Shape):
    """The data of the event `reconnect`, after which the stream ends and clients connect again."""

    time: datetime = Field(description="When the server ended the stream, in UTC.")
