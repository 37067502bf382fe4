"""The shapes of `/engine` and `/health`."""

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.hexadecimal import Hex32
from app.schemas.names import Baseline, EngineKind


class Refresh(Shape):
    """The last refresh: the server's last attempt to read all SA contexts."""

    started_at: datetime
    duration_seconds: float = Field(description="The duration of the refresh.")
    succeeded: bool
    contexts: int | MISSING = Field(default=MISSING, description="The number of SA contexts read.")


class NotReadyReason(Shape):
    """A reason why the server is not ready."""

    code: str = Field(description="A problem code, or `starting` or `stale`.")
    detail: str
    win_error: int | MISSING = MISSING
    win_error_hex: Hex32 | MISSING = MISSING
    win_error_name: str | MISSING = MISSING
    function: str | MISSING = MISSING


class Engine(Shape):
    """The filter engine behind the server, and whether the server can read it."""

    host: str
    kind: EngineKind
    library: str = Field(description="The library from which the functions are loaded.")
    functions: dict[str, bool] = Field(description="Whether the library exports each function.")
    session: Literal["open", "closed"] = Field(
        description="Whether the server has an open engine session."
    )
    changes: Literal["announced", "compared"] = Field(
        description="How the server finds changes: from notifications of the engine, or by "
        "comparing refreshes."
    )
    ready: bool
    reasons: list[NotReadyReason] = Field(
        description="Why the server is not ready; empty if it is."
    )
    epoch: str | MISSING = Field(
        default=MISSING, description="The epoch of the newest snapshot; absent before the first."
    )
    revision: int | MISSING = Field(
        default=MISSING,
        description="The revision of the newest snapshot; event streams may already be ahead.",
    )
    last_refresh: Refresh | MISSING = MISSING
    baseline: Baseline = Field(description="The baseline that weaknesses are judged against.")
    leased_snapshots: int = Field(description="The number of snapshots leased to clients.")
    streams: int = Field(description="The number of open event streams.")


class Liveness(Shape):
    """The server is up."""

    status: Literal["live"]


class Readiness(Shape):
    """Whether the server is ready."""

    status: Literal["ready", "not_ready"]
