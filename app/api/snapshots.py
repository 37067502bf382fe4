"""What answers say of the snapshot that they show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import Response

from app.repository.snapshot.model import Snapshot
from app.repository.store import Store
from app.service import Service


def snapshot_of(version: Snapshot, service: Service) -> dict[str, Any]:
    """`Snapshot` of a version."""
    return {
        "epoch": version.epoch,
        "revision": version.revision,
        "takenAt": version.taken_at,
        "host": service.host,
        "engine": service.library.kind,
    }


def set_lease_headers(response: Response, held_seconds: float, store: Store) -> None:
    """Tell in headers how long the snapshot can be walked through."""
    expires = datetime.now(UTC) + timedelta(seconds=held_seconds)
    response.headers["Snapshot-Expires"] = format_datetime(expires, usegmt=True)
    response.headers["Snapshot-Idle-Seconds"] = str(int(store.leases.idle_seconds))
