"""The schema of the data in Server-Sent Events about SA contexts."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.schema import SaContext
from app.schemas.base import Shape, Uint64


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


class SaContextEvent(Shape):
    """The data of `added` and `modified`: the context after the change."""

    revision: int = Field(
        ge=1, description="The revision of the change, comparable with the revisions of snapshots."
    )
    sa_context: SaContext
    rekey: Replaces | MISSING = MISSING


class SaContextDeleted(Shape):
    """The data of `deleted`: the context has ended or no longer matches the stream's filters."""

    revision: int = Field(ge=1, description="The revision of the change.")
    sa_context_id: Uint64
    rekey: ReplacedBy | MISSING = MISSING
