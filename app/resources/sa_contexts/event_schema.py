"""The schema of the data in Server-Sent Events about SA contexts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.schema import SaContext
from app.resources.sa_contexts.summarized_schema import SummarizedSaContext
from app.schemas.base import IpAddress, Shape, Uint32, Uint64
from app.schemas.names import EndReason, TrafficType


class Replaces(Shape):
    """A rekey, seen from the new context: the context that it appears to replace."""

    replaces: Uint64
    inferred: Literal[True] = Field(
        description="Windows does not report rekeys. Both contexts had an SA with the same peer, "
        "quick mode filter and main mode SA."
    )


class ReplacedBy(Shape):
    """A rekey, seen from the old context: the context that appears to replace it."""

    replaced_by: Uint64
    inferred: Literal[True] = Field(description="As in `Replaces`.")


class _Change(Shape):
    """What `added` and `modified` say of a change."""

    time: datetime = Field(
        description="When the server learnt of the change, in UTC; for the initial contexts, "
        "`takenAt` of their snapshot."
    )
    revision: int = Field(
        ge=1, description="The revision of the change, comparable with the revisions of snapshots."
    )
    rekey: Replaces | MISSING = MISSING


class SaContextEvent(_Change):
    """The data of `added` and `modified`: the context after the change."""

    sa_context: SaContext


class SummarizedSaContextEvent(_Change):
    """The data of `added` and `modified` with `view=summary`."""

    sa_context: SummarizedSaContext


class EndEvidence(Shape):
    """What an end reason was inferred from; only the members that matter for the reason."""

    replaced_by: Uint64 | MISSING = Field(
        default=MISSING, description="`rekeyed`: the context that appears to replace it."
    )
    mm_sa_id: Uint64 | MISSING = Field(
        default=MISSING,
        description="`main_mode_gone`: the main mode SA that the engine no longer had.",
    )
    idle_timeout_seconds: Uint32 | MISSING = Field(
        default=MISSING, description="`idle_timeout`: the idle timeout of its SAs."
    )
    idle_seconds: float | MISSING = Field(
        default=MISSING,
        ge=0,
        description="`idle_timeout`: how long the bytes of its connection had certainly stood "
        "still, between two samples.",
    )
    lifetime_seconds: Uint32 | MISSING = Field(
        default=MISSING, description="`lifetime_expired`: the lifetime of its SAs."
    )
    age_seconds: float | MISSING = Field(
        default=MISSING, ge=0, description="`lifetime_expired`: its age, as in `duration`."
    )


class Ending(Shape):
    """How a context ended.

    The addresses, the mode and the main mode SA are those of its outbound SA or, if it had none, of
    its inbound SA. If it had no SA when it was last read, they are null, and the mode is absent.
    """

    sa_context_id: Uint64
    local_address: IpAddress | None
    remote_address: IpAddress | None
    traffic_type: TrafficType | MISSING = Field(
        default=MISSING, description="Absent if the context had no SA."
    )
    mm_sa_id: Uint64 | None
    first_seen: datetime | MISSING = Field(
        default=MISSING,
        description="When the server learnt of it, in UTC; absent if it existed when the server "
        "began to watch this run of the engine, or if the server watches too many contexts.",
    )
    duration: float | MISSING = Field(
        default=MISSING, ge=0, description="The seconds since `firstSeen`; absent with it."
    )


class SaContextDeleted(Ending):
    """The data of `deleted`: the context has ended or no longer matches the stream's filters.

    If `endReason` is absent, it exists but no longer matches.
    """

    time: datetime = Field(description="When the server learnt of the change, in UTC.")
    revision: int = Field(ge=1, description="The revision of the change.")
    end_reason: EndReason | MISSING = Field(
        default=MISSING,
        description="Why it probably ended; never `engine_restarted`, which is a `reset`.",
    )
    evidence: EndEvidence | MISSING = MISSING
    rekey: ReplacedBy | MISSING = MISSING
