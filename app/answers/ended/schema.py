"""The schema of the list of SA contexts that have ended."""

from __future__ import annotations

from datetime import datetime

from pydantic import MISSING, Field

from app.resources.sa_contexts.event_schema import EndEvidence, Ending
from app.schemas.base import Shape
from app.schemas.names import EndReason, EngineKind, Monitoring
from app.schemas.pages import NEXT_CURSOR


class EndedSaContext(Ending):
    """An SA context that has ended, and why it probably did."""

    time: datetime = Field(description="When the server learnt of the end, in UTC.")
    principal_names: list[str] = Field(
        description="The peer's names, from main mode and extended mode."
    )
    end_reason: EndReason
    evidence: EndEvidence


class EndedSaContextPage(Shape):
    """A page of SA contexts that have ended, newest first."""

    items: list[EndedSaContext]
    next_cursor: str | MISSING = NEXT_CURSOR
    missed: bool = Field(
        description="Whether contexts that ended after `since` may be missing, because they have "
        "been evicted or the server started later, or the cursor is from before a restart."
    )
    monitoring: Monitoring = Field(
        description="Whether the engine counts the bytes of connections "
        "(FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS), without which no `idle_timeout` is recognized."
    )
    host: str
    engine: EngineKind
