"""Shapes that all lists and streams share."""

from datetime import datetime

from pydantic import Field

from app.schemas.base import Shape
from app.schemas.names import EngineKind


class Snapshot(Shape):
    """Which state of the engine a page shows; the same on every page of a walk."""

    epoch: str = Field(description="The engine's run. Ids mean nothing beyond it.")
    revision: int = Field(ge=1, description="Ascends within an epoch.")
    taken_at: datetime = Field(description="When reading the engine began, in UTC.")
    host: str
    engine: EngineKind


class StreamPlace(Shape):
    """The data of `bookmark`, `reset` and `snapshot_end`: where the stream is now."""

    epoch: str = Field(description="The engine's run. Ids mean nothing beyond it.")
    revision: int = Field(ge=1, description="What changed up to it has been told.")


class StreamEnd(Shape):
    """The data of `reconnect`: the stream ends; come again."""
