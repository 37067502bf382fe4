"""The schema of the events of SA contexts: the data of Server-Sent Events."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.schema import SaContext
from app.schemas.base import Shape, Uint64


class Replaces(Shape):
    """The context that this one appears to replace after a rekey."""

    replaces: Uint64
    inferred: Literal[True] = Field(
        description="Windows does not report rekeys. Both contexts had an SA with the same peer, "
        "quick mode filter and main mode SA."
    )


class ReplacedBy(Shape):
    """The context that appears to replace this one after a rekey."""

    replaced_by: Uint64
    inferred: Literal[True] = Field(description="As in `Replaces`.")


class SaContextEvent(Shape):
    """The data of `added` and `modified`: the current state of the context."""

    revision: int = Field(
        ge=1, description="The revision of the change, comparable with the revisions of snapshots."
    )
    sa_context: SaContext
    rekey: Replaces | MISSING = MISSING


class SaContextDeleted(Shape):
    """The data of `deleted`: the context is gone, or no longer matches the stream's filters."""

    revision: int = Field(ge=1, description="The revision of the change.")
    sa_context_id: Uint64
    rekey: ReplacedBy | MISSING = MISSING
