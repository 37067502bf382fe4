"""The report of `sa-contexts doctor --json`."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import MISSING, Field, JsonValue

from app.schemas.base import Shape
from app.schemas.names import EngineKind


class Outcome(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Finding(Shape):
    """What one check found."""

    section: Literal["program", "host", "engine", "rights", "server", "questions"]
    name: str = Field(description="The check's, in snake_case; it does not change.")
    outcome: Outcome = Field(
        description="`failure`: it does not work so; `warning`: it works, but not all or not "
        "for long; `not_applicable`: it does not matter here; `unknown`: it could not be found "
        "out here, or needs a look by hand."
    )
    sentence: str = Field(description="What was found, for a person.")
    remedy: str | MISSING = Field(default=MISSING, description="What to do about it.")
    facts: dict[str, JsonValue] = Field(
        description="What was measured, in camelCase; which facts there are depends on the check."
    )


class Report(Shape):
    """What `sa-contexts doctor` found on a host."""

    version: str = Field(description="Of sa-contexts.")
    taken_at: datetime
    host: str = Field(description="The host's name.")
    engine: EngineKind | MISSING = Field(
        default=MISSING, description="Whose SA contexts the library shows; absent without one."
    )
    masked: bool = Field(description="Whether addresses and names are replaced by others.")
    outcome: Literal[Outcome.OK, Outcome.WARNING, Outcome.FAILURE] = Field(
        description="The worst that was found."
    )
    findings: list[Finding]
