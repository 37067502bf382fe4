"""The shapes of what happens to SA contexts, as the data of Server-Sent Events."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.schema import SaContext
from app.schemas.base import Shape, Uint64


class Replaces(Shape):
    """The context whose place another seems to have taken, by a rekey."""

    replaces: Uint64
    inferred: Literal[True] = Field(
        description="Windows does not tell. Both had an SA with the same peer, of the same quick "
        "mode filter and the same main mode SA."
    )


class ReplacedBy(Shape):
    """The context that seems to have taken another's place, by a rekey."""

    replaced_by: Uint64
    inferred: Literal[True] = Field(description="As in `Replaces`.")


class SaContextEvent(Shape):
    """The data of `added` and `modified`: what the context is now."""

    revision: int = Field(ge=1, description="Of the change; that of lists is counted alike.")
    sa_context: SaContext
    rekey: Replaces | MISSING = MISSING


class SaContextDeleted(Shape):
    """The data of `deleted`: the context is gone, or no longer what the stream is for."""

    revision: int = Field(ge=1, description="Of the change.")
    sa_context_id: Uint64
    rekey: ReplacedBy | MISSING = MISSING
