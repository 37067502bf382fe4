"""What a hub's database contains, read without the hub's own code."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any


def contexts(path: Path, host_id: str) -> dict[int, Any]:
    """Return the SA contexts of a host."""
    query = "SELECT c.id, body FROM sa_context c JOIN host ON host = number WHERE host.id = ?"
    with closing(sqlite3.connect(path)) as sql:
        rows = sql.execute(query, (host_id,)).fetchall()
    return {number + (1 << 63): json.loads(zlib.decompress(body)) for number, body in rows}


def contexts_at(path: Path, host_id: str, revision: int) -> dict[int, Any]:
    """Return the SA contexts of a host at a revision of the hub."""
    query = (
        "SELECT c.id, body FROM sa_context c JOIN host ON host = number"
        " WHERE host.id = :host AND from_revision <= :revision"
        " UNION ALL SELECT c.id, body FROM sa_context_past c JOIN host ON host = number"
        " WHERE host.id = :host AND from_revision <= :revision AND to_revision > :revision"
    )
    with closing(sqlite3.connect(path)) as sql:
        rows = sql.execute(query, {"host": host_id, "revision": revision}).fetchall()
    assert len({number for number, _ in rows}) == len(rows)
    return {number + (1 << 63): json.loads(zlib.decompress(body)) for number, body in rows}


def revision(path: Path) -> int:
    """Return the hub's revision."""
    with closing(sqlite3.connect(path)) as sql:
        found: int = sql.execute("SELECT revision FROM hub").fetchone()[0]
    return found
