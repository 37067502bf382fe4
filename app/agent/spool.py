"""The spool: changes that a hub does not have yet, on the disk, so that a restart loses none.

It keeps the changes of each epoch of this host in their order, within a size and an age. What it
must drop before a hub has it is a gap, which is reported. What a hub has acknowledged is kept for
an hour, for a hub that was restored from a backup or failed over to an older copy.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.fleet.wire import MAX_GAPS, Gap, Position


ACKNOWLEDGED_SECONDS: Final = 3600.0
"""How long acknowledged changes are kept."""
ACKNOWLEDGED_BYTES: Final = 8 << 20
"""The size of acknowledged changes above which the oldest are dropped earlier."""
_VERSION: Final = 1
_TABLES: Final = """
-- All changes of an epoch after its revision `since` are here.
CREATE TABLE epoch (number INTEGER PRIMARY KEY, epoch TEXT UNIQUE, since INTEGER) STRICT;
CREATE TABLE change (
    number INTEGER PRIMARY KEY,
    epoch INTEGER,
    revision INTEGER,
    at REAL,
    line BLOB,
    is_acknowledged INTEGER
) STRICT;
CREATE INDEX change_by_revision ON change (epoch, revision);
CREATE TABLE gap (number INTEGER PRIMARY KEY, since REAL, until REAL, changes INTEGER) STRICT;
"""


class SpoolUnusable(Exception):
    """The spool cannot be opened or written; the message names the file and says why."""


class SpooledChange(NamedTuple):
    """A change for the hub.

    Attributes:
        revision: this host's revision that it belongs to.
        at: when the server learnt of it, in Unix seconds.
        line: the line of the report.
    """

    revision: int
    at: float
    line: bytes


class Batch(NamedTuple):
    """Changes that follow a position of a hub.

    Attributes:
        position: the position that they lead to.
        after: the revision that they follow.
        lines: the lines of the report.
    """

    position: Position
    after: int
    lines: Sequence[bytes]


class NotCovered(Exception):
    """The spool does not lead on from a position: a snapshot is needed."""


class Spool:
    """The changes that are to be reported. Its methods block; threads call them one at a time."""

    def __init__(self, path: Path, max_bytes: int, max_seconds: float) -> None:
        """Open the spool; create it if there is none, or if it is damaged.

        Args:
            path: the file.
            max_bytes: maximum size of the changes, compressed.
            max_seconds: maximum age of the changes.

        Raises:
            SpoolUnusable: the file cannot be opened or written.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                path.unlink()  # damaged: the hub gets a snapshot
                self._open()
        except (OSError, sqlite3.Error) as error:
            raise SpoolUnusable(f"cannot use the spool {path}: {error}") from None

    def _open(self) -> None:
        if not self._path.exists():
            self._path.touch(mode=0o600)
        self._sql = sqlite3.connect(
            self._path, timeout=5, isolation_level=None, check_same_thread=False
        )
        for name, value in (("journal_mode", "WAL"), ("synchronous", "NORMAL")):
            self._sql.execute(f"PRAGMA {name} = {value}").fetchone()
        if self._one("PRAGMA user_version") != (_VERSION,):
            with self._transaction():
                for each in _TABLES.split(";"):
                    self._sql.execute(each)
                self._sql.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def begin(self, epoch: str, revision: int) -> None:
        """Begin an epoch: all changes after this revision will be appended.

        To begin it again, because changes were missed, drops what is there of it.
        """
        with self._transaction():
            row = self._one("SELECT number FROM epoch WHERE epoch = ?", epoch)
            if row is not None:
                since, until, count = self._one(
                    "SELECT min(at), max(at), count(*) FROM change"
                    " WHERE epoch = ? AND is_acknowledged = 0",
                    *row,
                )
                if count:
                    self._add_gap(Gap(since=since, until=until, changes=count))
                self._sql.execute("DELETE FROM change WHERE epoch = ?", row)
                self._sql.execute("DELETE FROM epoch WHERE number = ?", row)
            self._sql.execute("INSERT INTO epoch (epoch, since) VALUES (?, ?)", (epoch, revision))

    def append(self, epoch: str, changes: Iterable[SpooledChange], now: float) -> None:
        """Append changes of the epoch that was begun last, and drop what exceeds the bounds.

        Raises:
            SpoolUnusable: they cannot be written.
        """
        with self._transaction():
            (number,) = self._one("SELECT number FROM epoch WHERE epoch = ?", epoch)
            self._sql.executemany(
                "INSERT INTO change (epoch, revision, at, line, is_acknowledged)"
                " VALUES (?, ?, ?, ?, 0)",
                ((number, each.revision, each.at, zlib.compress(each.line, 1)) for each in changes),
            )
            self._drop(now)

    def after(self, position: Position, max_lines: int, max_bytes: int) -> Batch | None:
        """Return the changes that follow a position of a hub; None: there are none yet.

        A batch has whole revisions.

        Raises:
            NotCovered: the position is not in the spool, the next revision has more changes than
                a batch may, or nothing follows in this epoch and another one has begun.
            SpoolUnusable: the file cannot be read.
        """
        with self._explained("read"):
            row = self._one(
                "SELECT number, since, number = (SELECT max(number) FROM epoch) FROM epoch"
                " WHERE epoch = ?",
                position.epoch,
            )
            if row is None or position.revision < row[1]:
                raise NotCovered
            number, _, is_newest = row
            rows = self._sql.execute(
                "SELECT revision, line FROM change WHERE epoch = ? AND revision > ?"
                " ORDER BY number LIMIT ?",
                (number, position.revision, max_lines + 1),
            ).fetchall()
        if not rows and is_newest:
            return None
        lines, reached = self._fitting(rows, max_lines, max_bytes)
        if not lines:
            raise NotCovered
        return Batch(Position(epoch=position.epoch, revision=reached), position.revision, lines)

    @staticmethod
    def _fitting(
        rows: Sequence[tuple[int, bytes]], max_lines: int, max_bytes: int
    ) -> tuple[list[bytes], int]:
        """Return the lines of the revisions that fit into a batch, and the last of these."""
        lines: list[bytes] = []
        reached = size = 0
        for revision, group in groupby(rows, itemgetter(0)):
            more = [zlib.decompress(line) for _, line in group]
            size += sum(map(len, more))
            if len(lines) + len(more) > max_lines or size > max_bytes:
                break
            lines += more
            reached = revision
        return lines, reached

    def acknowledge(self, position: Position, now: float) -> None:
        """Note that a hub has everything up to a position.

        Raises:
            SpoolUnusable: that cannot be written.
        """
        with self._transaction():
            row = self._one("SELECT number FROM epoch WHERE epoch = ?", position.epoch)
            if row is None:
                return
            self._sql.execute(
                "UPDATE change SET is_acknowledged = 1 WHERE is_acknowledged = 0"
                " AND (epoch < ? OR (epoch = ? AND revision <= ?))",
                (row[0], row[0], position.revision),
            )
            self._drop(now)

    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps that have not been reported, the oldest first."""
        with self._explained("read"):
            rows = self._sql.execute(
                "SELECT since, until, changes FROM gap ORDER BY number"
            ).fetchall()
        return tuple(Gap(since=row[0], until=row[1], changes=row[2]) for row in rows)

    def forget_gaps(self, reported: Sequence[Gap]) -> None:
        """Forget gaps that were reported."""
        with self._transaction():
            self._sql.executemany(
                "DELETE FROM gap WHERE since = ? AND until = ? AND changes = ?",
                ((gap.since, gap.until, gap.changes) for gap in reported),
            )

    def _drop(self, now: float) -> None:
        """Drop what is too old or too much, acknowledged changes first."""
        (kept,) = self._one("SELECT total(length(line)) FROM change WHERE is_acknowledged = 1")
        (waiting,) = self._one("SELECT total(length(line)) FROM change WHERE is_acknowledged = 0")
        self._drop_oldest(1, kept - ACKNOWLEDGED_BYTES, now - ACKNOWLEDGED_SECONDS)
        dropped = self._drop_oldest(0, waiting - self._max_bytes, now - self._max_seconds)
        if dropped:
            times = [at for at, _ in dropped]
            self._add_gap(Gap(since=min(times), until=max(times), changes=len(dropped)))
        self._sql.execute(
            "DELETE FROM epoch WHERE number < (SELECT max(number) FROM epoch)"
            " AND number NOT IN (SELECT epoch FROM change)"
        )

    def _drop_oldest(
        self, is_acknowledged: int, excess: float, before: float
    ) -> list[tuple[float, int]]:
        """Drop whole revisions until the excess is gone; return each change's time and size."""
        dropped: list[tuple[float, int]] = []
        last: tuple[int, int] | None = None
        for epoch, revision, at, size in self._sql.execute(
            "SELECT epoch, revision, at, length(line) FROM change WHERE is_acknowledged = ?"
            " ORDER BY number",
            (is_acknowledged,),
        ):
            if excess <= 0 and at >= before and (epoch, revision) != last:
                break
            last, excess = (epoch, revision), excess - size
            dropped.append((at, size))
        if last is not None:
            epoch, revision = last
            self._sql.execute(
                "DELETE FROM change WHERE is_acknowledged = ? AND (epoch < ? OR (epoch = ?"
                " AND revision <= ?))",
                (is_acknowledged, epoch, epoch, revision),
            )
            self._sql.execute(
                "UPDATE epoch SET since = max(since, ?) WHERE number = ?", (revision, epoch)
            )
        return dropped

    def _add_gap(self, gap: Gap) -> None:
        """Add a gap; beyond `MAX_GAPS`, or beside the newest one, make one of the two."""
        last = self._one("SELECT number, since, until, changes FROM gap ORDER BY number DESC")
        (count,) = self._one("SELECT count(*) FROM gap")
        if last is not None and (gap.since <= last[2] + 1 or count >= MAX_GAPS):
            self._sql.execute(
                "UPDATE gap SET since = ?, until = ?, changes = ? WHERE number = ?",
                (
                    *(min(last[1], gap.since), max(last[2], gap.until)),
                    *(last[3] + gap.changes, last[0]),
                ),
            )
        else:
            self._sql.execute(
                "INSERT INTO gap (since, until, changes) VALUES (?, ?, ?)",
                (gap.since, gap.until, gap.changes),
            )

    def _one(self, query: str, *values: object) -> Any:
        return self._sql.execute(query, values).fetchone()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained("write"):
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Raise `SpoolUnusable` if the block fails because of the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise SpoolUnusable(f"cannot {action} the spool {self._path}: {error}") from error
