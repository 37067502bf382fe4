"""The report of `sa-contexts doctor --json`."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import MISSING, Field, JsonValue

from app.schemas.base import Shape
from app.schemas.names import EngineKind


class Outcome(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Finding(Shape):
    """The finding of one check."""

    section: Literal["program", "host", "engine", "rights", "server", "questions"]
    name: str = Field(description="The check's name, in snake_case; stable.")
    outcome: Outcome = Field(
        description="`failure`: it does not work; `warning`: it works only partly, or not for "
        "long; `not_applicable`: it does not matter on this host; `unknown`: it could not be "
        "determined, or must be checked by hand."
    )
    sentence: str = Field(description="What was found, for a person.")
    remedy: str | MISSING = Field(default=MISSING, description="What to do about it.")
    facts: dict[str, JsonValue] = Field(
        description="What was measured, in camelCase; which facts there are depends on the check."
    )


class Report(Shape):
    """What `sa-contexts doctor` found on a host."""

    version: str = Field(description="The version of sa-contexts.")
    taken_at: datetime
    host: str = Field(description="The host's name.")
    engine: EngineKind | MISSING = Field(
        default=MISSING, description="The engine that the library reads; absent without a library."
    )
    masked: bool = Field(description="Whether addresses and names are replaced by others.")
    outcome: Literal[Outcome.OK, Outcome.WARNING, Outcome.FAILURE] = Field(
        description="The worst outcome of all findings."
    )
    findings: list[Finding]
