"""The state of the engine and of the server, as clients see them."""

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.names import Baseline, EngineKind


class Drain(Shape):
    """The last time the server read the engine."""

    began_at: datetime
    seconds: float = Field(description="How long it took.")
    succeeded: bool
    contexts: int | MISSING = Field(default=MISSING, description="How many SA contexts it gave.")


class NotReadyReason(Shape):
    """Why the server is not ready."""

    code: str = Field(description="As in a problem of this code.")
    detail: str
    win_error: int | MISSING = MISSING
    win_error_name: str | MISSING = MISSING
    function: str | MISSING = MISSING


class Engine(Shape):
    """Whose SA contexts the server shows, and whether it can read them."""

    host: str
    kind: EngineKind
    library: str = Field(description="The file that the functions are loaded from.")
    functions: dict[str, bool] = Field(description="Which functions the library has.")
    session: Literal["open", "closed"] = Field(description="Whether a session is open.")
    changes: Literal["announced", "compared"] = Field(
        description="Whether the engine announces what comes and goes, or changes are only found "
        "by reading it again."
    )
    ready: bool
    reasons: list[NotReadyReason] = Field(description="Why not; empty when ready.")
    epoch: str | MISSING = Field(default=MISSING, description="The engine's run, once it answered.")
    revision: int | MISSING = Field(
        default=MISSING, description="The newest snapshot's; events may have gone on since."
    )
    last_drain: Drain | MISSING = MISSING
    baseline: Baseline = Field(description="What weaknesses are judged against.")
    snapshots_held: int = Field(description="How many snapshots clients are walking through.")
    streams: int = Field(description="How many streams of events are open.")


class Liveness(Shape):
    """The server is up."""

    status: Literal["live"]


class Readiness(Shape):
    """Whether the server can answer for the engine."""

    status: Literal["ready", "not_ready"]
