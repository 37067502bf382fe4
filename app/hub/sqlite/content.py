"""The content of hosts in SQLite: what it is, what it was, and its counts."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from app.fleet.hashes import Digest
from app.fleet.wire import Channel, Position
from app.hub.sqlite.tables import object_id_of, stored_id
from app.hub.store import Part, ReportedChange, StoredObject


_AT_ONCE: Final = 500
"""The number of ids in one query."""


class _Row(NamedTuple):
    """A row of the table of SA contexts."""

    from_revision: int
    hash: bytes
    weaknesses: str
    body: bytes


class HostContent:
    """The SA contexts of one host, within one transaction.

    Attributes:
        position: how far they were reported; None: not at all.
    """

    def __init__(
        self, connection: sqlite3.Connection, host: int, channel: Channel, now: float
    ) -> None:
        """Load the state of a channel.

        Args:
            connection: the connection, in a transaction that writes.
            host: the number of the host.
            channel: the channel.
            now: the time, in Unix seconds.
        """
        self._sql = connection
        self._host = host
        self._channel = channel
        self._now = now
        row = connection.execute(
            "SELECT epoch, revision, count, digest FROM channel WHERE host = ? AND name = ?",
            (host, channel),
        ).fetchone()
        self.position = Position(epoch=row[0], revision=row[1]) if row else None
        self._digest = Digest(count=row[2], text=row[3]) if row else Digest()
        self._weaknesses: Counter[str] = Counter()
        (self._revision,) = connection.execute("SELECT revision FROM hub").fetchone()

    def apply(self, changes: Sequence[ReportedChange], position: Position) -> None:
        """Apply changes, in the order of the host's revisions, each of which makes one of ours."""
        rows = self._rows({change.id for change in changes})
        for _, group in groupby(changes, attrgetter("revision")):
            self._revise(rows, group)
        self._save(rows, position)

    def replace(self, position: Position) -> list[int]:
        """Replace all by what has arrived; if something is missing, return its ids instead."""
        missing = self._sql.execute(
            "SELECT a.id FROM arrived a LEFT JOIN sa_context c"
            " ON c.host = a.host AND c.id = a.id AND c.hash = a.hash"
            " WHERE a.host = ? AND a.channel = ? AND a.body IS NULL AND c.id IS NULL",
            (self._host, self._channel),
        ).fetchall()
        if missing:
            return [object_id_of(row[0]) for row in missing]
        differing = self._sql.execute(
            "SELECT a.id, a.hash, a.weaknesses, a.body FROM arrived a LEFT JOIN sa_context c"
            " ON c.host = a.host AND c.id = a.id WHERE a.host = ? AND a.channel = ?"
            " AND c.hash IS NOT a.hash",
            (self._host, self._channel),
        ).fetchall()
        gone = self._sql.execute(
            "SELECT c.id FROM sa_context c LEFT JOIN arrived a"
            " ON a.host = c.host AND a.channel = ? AND a.id = c.id"
            " WHERE c.host = ? AND a.id IS NULL",
            (self._channel, self._host),
        ).fetchall()
        rows = self._rows({object_id_of(row[0]) for row in (*differing, *gone)})
        self._revision += 1
        for (stored,) in gone:
            self._end(rows, object_id_of(stored))
        for stored, object_hash, weaknesses, body in differing:
            number = object_id_of(stored)
            self._end(rows, number)
            self._begin(rows, number, _Row(self._revision, object_hash, weaknesses, body))
        self._revision -= not (gone or differing)
        self._save(rows, position)
        self.forget_arrived()
        return []

    def arrive(self, part: Part) -> list[int]:
        """Keep a part of a snapshot; return the ids of its hashes whose objects are needed."""
        self._sql.executemany(
            "INSERT OR REPLACE INTO arrived VALUES (?, ?, ?, ?, NULL, NULL)",
            (
                (self._host, self._channel, stored_id(number), object_hash)
                for number, object_hash in part.hashes.items()
            ),
        )
        self._sql.executemany(
            "INSERT OR REPLACE INTO arrived VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    *(self._host, self._channel, stored_id(each.id), each.hash),
                    *(" ".join(each.weaknesses), zlib.compress(each.json)),
                )
                for each in part.objects
            ),
        )
        known = {number: row.hash for number, row in self._select(part.hashes)}
        return [
            number
            for number, object_hash in part.hashes.items()
            if known.get(number) != object_hash
        ]

    def forget_arrived(self) -> None:
        """Forget a snapshot that has begun to arrive."""
        for table in ("arrived", "arriving"):
            self._sql.execute(
                f"DELETE FROM {table} WHERE host = ? AND channel = ?",  # noqa: S608  # two names
                (self._host, self._channel),
            )

    def _rows(self, numbers: Iterable[int]) -> dict[int, _Row | None]:
        rows: dict[int, _Row | None] = dict.fromkeys(numbers)
        rows.update(self._select(rows))
        return rows

    def _select(self, numbers: Iterable[int]) -> Iterator[tuple[int, _Row]]:
        wanted = [*map(stored_id, numbers)]
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            for number, *row in self._sql.execute(
                "SELECT id, from_revision, hash, weaknesses, body FROM sa_context"  # noqa: S608
                f" WHERE host = ? AND id IN ({marks})",
                (self._host, *some),
            ):
                yield object_id_of(number), _Row(*row)

    def _revise(self, rows: dict[int, _Row | None], changes: Iterable[ReportedChange]) -> None:
        """Apply the changes of one of the host's revisions."""
        effective = [change for change in changes if _changes(rows[change.id], change.object)]
        self._revision += bool(effective)
        for change in effective:
            self._end(rows, change.id)
            if change.object is not None:
                found = change.object
                body = zlib.compress(found.json)
                row = _Row(self._revision, found.hash, " ".join(found.weaknesses), body)
                self._begin(rows, change.id, row)

    def _end(self, rows: dict[int, _Row | None], number: int) -> None:
        """Move an object, if it exists, to the past."""
        row = rows[number]
        if row is None:
            return
        rows[number] = None
        self._digest.remove(row.hash)
        self._weaknesses.subtract(row.weaknesses.split())
        if row.from_revision < self._revision:  # otherwise, it was never visible
            self._sql.execute(
                "INSERT INTO sa_context_past VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(self._host, stored_id(number), row.from_revision, self._revision),
                    *(self._now, row.weaknesses, row.body),
                ),
            )

    def _begin(self, rows: dict[int, _Row | None], number: int, row: _Row) -> None:
        rows[number] = row
        self._digest.add(row.hash)
        self._weaknesses.update(row.weaknesses.split())

    def _save(self, rows: dict[int, _Row | None], position: Position) -> None:
        gone = ((self._host, stored_id(each)) for each, row in rows.items() if row is None)
        self._sql.executemany("DELETE FROM sa_context WHERE host = ? AND id = ?", gone)
        self._sql.executemany(
            "INSERT OR REPLACE INTO sa_context VALUES (?, ?, ?, ?, ?, ?)",
            ((self._host, stored_id(each), *row) for each, row in rows.items() if row is not None),
        )
        self._sql.execute("UPDATE hub SET revision = ?", (self._revision,))
        self._sql.execute(
            "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._host, self._channel, position.epoch, position.revision),
                *(self._digest.count, self._digest.text, self._now),
            ),
        )
        self._sql.executemany(
            "INSERT INTO weakness VALUES (?, ?, ?)"
            " ON CONFLICT (host, word) DO UPDATE SET count = count + excluded.count",
            ((self._host, word, count) for word, count in self._weaknesses.items() if count),
        )
        self.position = position


def _changes(row: _Row | None, found: StoredObject | None) -> bool:
    """Return whether a change makes an object differ from its row."""
    if row is None or found is None:
        return not (row is None and found is None)
    return row.hash != found.hash
