"""The schema of the history."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.schemas.base import Shape, Uint64
from app.schemas.names import EngineKind, Weakness


class ProtectionAt(Shape):
    """The number of SA contexts with one protection, at the end of a minute."""

    protection: str = Field(
        description="The transforms of a direction in WFP's words; `other`: all that are not "
        "listed, of which there may be many.",
        examples=["ESP gcm_aes_256"],
    )
    sa_contexts: int = Field(ge=0)


class WeaknessAt(Shape):
    """The number of SA contexts with one weakness, at the end of a minute."""

    weakness: Weakness
    sa_contexts: int = Field(ge=0)


class HistoryRow(Shape):
    """A minute. Members are null if their value is unknown, for instance while the engine was down.

    A context counts once for each protection and weakness that either of its SAs has.
    """

    time: datetime = Field(description="The end of the minute, in UTC.")
    sa_contexts: int | None = Field(ge=0, description="The SA contexts at the end of the minute.")
    protections: list[ProtectionAt] | None = Field(
        description="Their protections, those of the most contexts first."
    )
    weaknesses: list[WeaknessAt] | None
    bytes_inbound: Uint64 | None = Field(
        description="The bytes that IPsec received during the minute, in transport and in tunnel "
        "mode."
    )
    bytes_outbound: Uint64 | None = Field(description="The bytes sent, likewise.")
    failures: int | None = Field(
        ge=0,
        description="The net events reported during the minute; null, too, without the scope "
        "`diagnostics:read`.",
    )


class History(Shape):
    """The history of this host, one row a minute, the oldest first."""

    items: list[HistoryRow]
    host: str
    engine: EngineKind
