"""How responses describe their snapshot: the member `snapshot` and the headers of a lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import Response

from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.source import SnapshotSource
from app.service import Service


def snapshot_of(snapshot: Snapshot, service: Service) -> dict[str, Any]:
    """Return the description of a snapshot, in the form of `app.schemas.pages.Snapshot`."""
    return {
        "epoch": snapshot.epoch,
        "revision": snapshot.revision,
        "takenAt": snapshot.taken_at,
        "host": service.host,
        "engine": service.library.kind,
    }


def set_lease_headers(response: Response, lease_seconds: float, store: SnapshotSource) -> None:
    """Set the headers that say how long the snapshot is leased.

    Args:
        response: the response.
        lease_seconds: the time until the lease ends at the latest.
        store: the store of the snapshot.
    """
    expires = datetime.now(UTC) + timedelta(seconds=lease_seconds)
    response.headers["Snapshot-Expires"] = format_datetime(expires, usegmt=True)
    response.headers["Snapshot-Idle-Seconds"] = str(int(store.leases.idle_timeout_seconds))
