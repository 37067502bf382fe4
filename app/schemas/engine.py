"""The shapes of `/engine` and `/health`."""

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.hexadecimal import Hex32
from app.schemas.names import Baseline, EngineKind, Ipv6OrderReason


class Refresh(Shape):
    """The last refresh: the server's last attempt to read all SA contexts."""

    started_at: datetime
    duration_seconds: float = Field(description="The duration of the refresh.")
    succeeded: bool
    contexts: int | MISSING = Field(default=MISSING, description="The number of SA contexts read.")


class Ipv6OrderEvidence(Shape):
    """How many distinct SA addresses match a known address or subnet in only one byte order."""

    network: int = Field(description="The number that match in network order only.")
    reversed: int = Field(description="The number that match in reversed order only.")


class Ipv6Order(Shape):
    """The byte order in which the server reads the engine's IPv6 addresses, and why.

    The server detects the order, unless a setting fixes it. Detection decides on an order once at
    least 3 addresses match in that order only, and none in the other order only. Until then, the
    order does not change; at first it is network order. A change of the order starts a new epoch.
    """

    order: Literal["network", "reversed"]
    reason: Ipv6OrderReason = Field(description="Why this order is used.")
    since: datetime = Field(description="Since when it has been used for this reason.")
    host_addresses: Ipv6OrderEvidence = Field(
        description="Local addresses, compared with this host's own addresses."
    )
    filter_conditions: Ipv6OrderEvidence = Field(
        description="Addresses in transport mode, compared with the conditions of their SA's "
        "filter."
    )


class NotReadyReason(Shape):
    """A reason why the server is not ready."""

    code: str = Field(description="A problem code, or `starting`, `stale` or `hung`.")
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
    ipv6_order: Ipv6Order
    baseline: Baseline = Field(description="The baseline that weaknesses are judged against.")
    leased_snapshots: int = Field(description="The number of snapshots leased to clients.")
    streams: int = Field(description="The number of open event streams.")


class Liveness(Shape):
    """The server is up."""

    status: Literal["live"]


class Readiness(Shape):
    """Whether the server is ready."""

    status: Literal["ready", "not_ready"]
