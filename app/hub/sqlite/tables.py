"""The tables of a hub in SQLite.

Object ids are unsigned 64-bit numbers and columns are signed: `stored_id` keeps their order.
"""

from __future__ import annotations

from typing import Final


VERSION: Final = 1
"""The version of the tables, in the file's `user_version`."""

TABLES: Final = """
CREATE TABLE hub (
    epoch TEXT NOT NULL,
    secret BLOB NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    uses_left INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE host (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    machine TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    enrolled_at REAL NOT NULL,
    enrolled_with TEXT NOT NULL,
    session BLOB UNIQUE,
    nonce_time INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Written in bulk. To lose what it has does no harm.
CREATE TABLE presence (
    host INTEGER PRIMARY KEY REFERENCES host,
    seen_at REAL NOT NULL,
    clock_skew REAL NOT NULL
) STRICT;

CREATE TABLE channel (
    host INTEGER NOT NULL REFERENCES host,
    name TEXT NOT NULL,
    epoch TEXT NOT NULL,
    revision INTEGER NOT NULL,
    count INTEGER NOT NULL,
    digest TEXT NOT NULL,
    reported_at REAL NOT NULL,
    PRIMARY KEY (host, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    host INTEGER NOT NULL REFERENCES host,
    since REAL NOT NULL,
    until REAL NOT NULL,
    changes INTEGER NOT NULL,
    PRIMARY KEY (host, since, until)
) STRICT, WITHOUT ROWID;

CREATE TABLE weakness (
    host INTEGER NOT NULL REFERENCES host,
    word TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (host, word)
) STRICT, WITHOUT ROWID;

CREATE TABLE sa_context (
    host INTEGER NOT NULL REFERENCES host,
    id INTEGER NOT NULL,
    from_revision INTEGER NOT NULL,
    hash BLOB NOT NULL,
    weaknesses TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (host, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sa_context_past (
    host INTEGER NOT NULL REFERENCES host,
    id INTEGER NOT NULL,
    from_revision INTEGER NOT NULL,
    to_revision INTEGER NOT NULL,
    ended_at REAL NOT NULL,
    weaknesses TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (host, id, from_revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX sa_context_past_by_revision ON sa_context_past (to_revision);
CREATE INDEX sa_context_past_by_time ON sa_context_past (ended_at);

-- A snapshot that has begun to arrive, and the objects that it has.
CREATE TABLE arriving (
    host INTEGER NOT NULL REFERENCES host,
    channel TEXT NOT NULL,
    epoch TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (host, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE arrived (
    host INTEGER NOT NULL REFERENCES host,
    channel TEXT NOT NULL,
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    weaknesses TEXT,
    body BLOB,
    PRIMARY KEY (host, channel, id)
) STRICT, WITHOUT ROWID;
"""

_OFFSET: Final = 1 << 63


def stored_id(object_id: int) -> int:
    """Return the column value of an object's id."""
    return object_id - _OFFSET


def object_id_of(stored: int) -> int:
    """Return an object's id, given its column value."""
    return stored + _OFFSET
