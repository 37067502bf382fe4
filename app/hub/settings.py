"""The settings of a hub, besides those that every server has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from app.fleet.wire import MAX_BODY_BYTES
from app.settings.paths import state_folder
from app.settings.server import ServerSettings, absolute


HEARTBEATS: Final = 3
"""The number of heartbeats without which a host is late."""


class HubSettings(ServerSettings):
    """The settings of a hub."""

    port: int = Field(8090, ge=0, le=65535, description="Port to listen on; 0: any free port.")
    database: Annotated[Path, AfterValidator(absolute)] | None = Field(
        None,
        description="Absolute path of the database (SQLite); by default `hub.db` in the state "
        "folder.",
    )
    max_body_bytes: int = Field(
        MAX_BODY_BYTES,
        ge=64 << 10,
        description="Maximum size of a report as it is sent, compressed, in bytes.",
    )
    past_seconds: float = Field(
        7200, ge=60, description="Seconds for which the hub keeps what has changed."
    )
    debounce_seconds: float = Field(
        5, ge=0, le=3600, description="Seconds for which agents collect changes before a report."
    )
    heartbeat_seconds: float = Field(
        60,
        ge=1,
        le=3600,
        description=f"Seconds between the heartbeats of a host; without {HEARTBEATS}, it is late.",
    )
    lost_seconds: float = Field(
        900, ge=1, description="Seconds without a sign of life after which a host is lost."
    )

    @property
    def database_file(self) -> Path:
        """The path of the database."""
        return self.database or state_folder() / "hub.db"
