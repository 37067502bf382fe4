"""A hub's database in one file of SQLite.

Every commit is on the disk before it is acknowledged (`synchronous = FULL`). Threads use the
connection one at a time.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from app.fleet.wire import Changes, Channel, Enrolment, Gap, Heartbeat, Position, SnapshotPart
from app.hub.sqlite.content import HostContent
from app.hub.sqlite.tables import TABLES, VERSION
from app.hub.store import (
    ChannelState,
    Host,
    HubStore,
    NonceUsed,
    Part,
    PositionDiffers,
    ReportedChange,
    Seen,
    SessionSuperseded,
    StoreFailed,
    Token,
    TokenRejected,
    UnknownHost,
)


BUSY_SECONDS: Final = 5.0
"""How long to wait for another process, such as a command that adds a token."""
MAX_GAPS: Final = 100
"""Maximum number of gaps kept for a host."""


class DatabaseUnusable(Exception):
    """The database cannot be opened; the message names the file and says why."""


class SqliteStore(HubStore):
    """A hub's store (`app.hub.store`) in SQLite."""

    def __init__(self, path: Path) -> None:
        """Open a database; create it if there is none.

        Raises:
            DatabaseUnusable: it cannot be opened, or is of another version.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
            self._sql = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for name, value in (("journal_mode", "WAL"), ("synchronous", "FULL")):
                self._sql.execute(f"PRAGMA {name} = {value}").fetchone()
            with self._transaction():
                self._create(path)
                self.epoch, self.secret = self._one("SELECT epoch, secret FROM hub")
        except (OSError, sqlite3.Error, StoreFailed) as error:
            raise DatabaseUnusable(f"cannot use the database {path}: {error}") from None

    def _create(self, path: Path) -> None:
        (version,) = self._one("PRAGMA user_version")
        if version not in (0, VERSION):
            raise DatabaseUnusable(f"the database {path} has version {version}, not {VERSION}")
        if version == 0:
            for each in TABLES.split(";"):
                self._sql.execute(each)
            values = (secrets.token_hex(6), secrets.token_bytes(32))
            self._sql.execute("INSERT INTO hub VALUES (?, ?, 0)", values)
            self._sql.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the database."""
        self._sql.close()

    # Tokens and hosts

    def add_token(self, token: Token, token_hash: bytes) -> None:
        """Store a token."""
        with self._transaction():
            row = (token.id, token_hash, *token[1:])
            self._sql.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", row)

    def tokens(self) -> list[Token]:
        """Return all tokens, the oldest first."""
        with self._reading():
            rows = self._all(
                "SELECT id, name, created_at, expires_at, uses_left FROM token"
                " ORDER BY created_at, id"
            )
        return [Token(*row) for row in rows]

    def remove_token(self, token_id: str) -> bool:
        """Remove a token; return whether there was one."""
        with self._transaction():
            return self._sql.execute("DELETE FROM token WHERE id = ?", (token_id,)).rowcount > 0

    def enrol(self, enrolment: Enrolment, host_id: str, token_hash: bytes, now: float) -> None:
        """Enrol a host; see `HubStore`."""
        with self._transaction():
            if self._one("SELECT 1 FROM host WHERE id = ?", host_id) is not None:
                return  # its answer may have been lost
            token = self._one(
                "SELECT id, name FROM token WHERE hash = ? AND (expires_at IS NULL OR"
                " expires_at > ?) AND (uses_left IS NULL OR uses_left > 0)",
                *(token_hash, now),
            )
            if token is None:
                raise TokenRejected
            self._sql.execute("UPDATE token SET uses_left = uses_left - 1 WHERE id = ?", token[:1])
            self._sql.execute(
                "INSERT INTO host (id, public_key, machine, name, version, enrolled_at,"
                " enrolled_with) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(host_id, bytes.fromhex(enrolment.public_key), enrolment.machine),
                    *(enrolment.name, enrolment.version, now, token[1]),
                ),
            )

    def public_key(self, host_id: str) -> bytes:
        """Return the public key of a host; see `HubStore`."""
        with self._reading():
            row = self._one("SELECT public_key FROM host WHERE id = ?", host_id)
        if row is None:
            raise UnknownHost
        key: bytes = row[0]
        return key

    def open_session(
        self, host_id: str, session_hash: bytes, nonce_time: int, name: str, version: str
    ) -> Mapping[Channel, Position]:
        """Open a session; see `HubStore`."""
        with self._transaction():
            row = self._one("SELECT number, nonce_time FROM host WHERE id = ?", host_id)
            if row is None:
                raise UnknownHost
            number, newest = row
            if nonce_time <= newest:
                raise NonceUsed
            self._sql.execute(
                "UPDATE host SET session = ?, nonce_time = ?, name = ?, version = ?"
                " WHERE number = ?",
                (session_hash, nonce_time, name, version, number),
            )
            rows = self._all("SELECT name, epoch, revision FROM channel WHERE host = ?", number)
            return {row[0]: Position(epoch=row[1], revision=row[2]) for row in rows}

    def host_of(self, session_hash: bytes) -> str | None:
        """Return the host that a session belongs to; None if the session has ended."""
        with self._reading():
            row = self._one("SELECT id FROM host WHERE session = ?", session_hash)
        return None if row is None else row[0]

    # Reports

    def take_changes(
        self, session_hash: bytes, head: Changes, changes: Sequence[ReportedChange], now: float
    ) -> Position:
        """Store changes; see `HubStore`."""
        with self._transaction():
            content = HostContent(self._sql, self._number(session_hash), head.channel, now)
            has, position = content.position, Position(epoch=head.epoch, revision=head.revision)
            if has is not None and has.epoch == head.epoch and has.revision >= head.revision:
                return has  # they arrived before
            if has != Position(epoch=head.epoch, revision=head.after):
                raise PositionDiffers(has)
            content.apply(changes, position)
            return position

    def take_part(
        self, session_hash: bytes, head: SnapshotPart, part: Part, now: float
    ) -> tuple[Position | None, list[int]]:
        """Store a part of a snapshot; see `HubStore`."""
        with self._transaction():
            number = self._number(session_hash)
            content = HostContent(self._sql, number, head.channel, now)
            if head.is_first:
                content.forget_arrived()
                row = (number, head.channel, head.epoch, head.revision)
                self._sql.execute("INSERT INTO arriving VALUES (?, ?, ?, ?)", row)
            query = "SELECT epoch, revision FROM arriving WHERE host = ? AND channel = ?"
            if self._one(query, number, head.channel) != (head.epoch, head.revision):
                raise PositionDiffers(content.position)
            need = content.arrive(part)
            if head.is_last:
                need = content.replace(Position(epoch=head.epoch, revision=head.revision))
            return content.position, need

    def take_heartbeat(self, session_hash: bytes, heartbeat: Heartbeat) -> list[Channel]:
        """Store the gaps of a heartbeat; return the channels whose content differs."""
        with self._transaction() if heartbeat.gaps else self._reading():
            number = self._number(session_hash)
            if heartbeat.gaps:
                self._add_gaps(number, heartbeat.gaps)
            states = self._channels(number)
        return [
            name
            for name, content in heartbeat.content.items()
            if (has := states.get(name)) is not None
            and has.position == Position(epoch=content.epoch, revision=content.revision)
            and (has.count, has.digest) != (content.count, content.digest)
        ]

    def _add_gaps(self, number: int, gaps: Sequence[Gap]) -> None:
        self._sql.executemany(
            "INSERT OR IGNORE INTO gap VALUES (?, ?, ?, ?)",
            ((number, gap.since, gap.until, gap.changes) for gap in gaps),
        )
        self._sql.execute(
            "DELETE FROM gap WHERE host = ? AND since < (SELECT since FROM gap WHERE host = ?"
            " ORDER BY since DESC LIMIT 1 OFFSET ?)",
            (number, number, MAX_GAPS - 1),
        )

    def note_seen(self, seen: Sequence[Seen]) -> None:
        """Store signs of life, all at once."""
        with self._transaction():
            self._sql.executemany(
                "INSERT OR REPLACE INTO presence SELECT number, ?, ? FROM host WHERE id = ?",
                ((each.at, each.clock_skew, each.host_id) for each in seen),
            )

    def forget_past(self, before: float, limit: int) -> int:
        """Delete at most `limit` objects of the past that ended before a time."""
        with self._transaction():
            return self._sql.execute(
                "DELETE FROM sa_context_past WHERE (host, id, from_revision) IN (SELECT host, id,"
                " from_revision FROM sa_context_past WHERE ended_at < ? LIMIT ?)",
                (before, limit),
            ).rowcount

    # Answers

    def hosts(self) -> list[Host]:
        """Return all hosts, by id."""
        with self._reading():
            weaknesses: dict[int, dict[str, int]] = defaultdict(dict)
            for number, word, count in self._all("SELECT * FROM weakness WHERE count > 0"):
                weaknesses[number][word] = count
            gaps: dict[int, list[Gap]] = defaultdict(list)
            for number, since, until, changes in self._all("SELECT * FROM gap ORDER BY since"):
                gaps[number].append(Gap(since=since, until=until, changes=changes))
            channels = self._channels_by_host()
            return [
                Host(
                    id=row[1],
                    name=row[2],
                    version=row[3],
                    enrolled_at=row[4],
                    enrolled_with=row[5],
                    channels=channels[row[0]],
                    weaknesses=weaknesses[row[0]],
                    gaps=tuple(gaps[row[0]]),
                    seen_at=row[6],
                    clock_skew=row[7],
                )
                for row in self._all(
                    "SELECT number, id, name, version, enrolled_at, enrolled_with, seen_at,"
                    " clock_skew FROM host LEFT JOIN presence ON host = number ORDER BY id"
                )
            ]

    def _channels(self, number: int) -> dict[Channel, ChannelState]:
        return self._channels_by_host(" WHERE host = ?", number)[number]

    def _channels_by_host(
        self, where: str = "", *values: object
    ) -> dict[int, dict[Channel, ChannelState]]:
        found: dict[int, dict[Channel, ChannelState]] = defaultdict(dict)
        for host, name, epoch, revision, count, digest, reported_at in self._all(
            f"SELECT * FROM channel{where}",  # noqa: S608  # one of two
            *values,
        ):
            found[host][name] = ChannelState(
                position=Position(epoch=epoch, revision=revision),
                count=count,
                digest=digest,
                reported_at=reported_at,
            )
        return found

    # SQL

    def _number(self, session_hash: bytes) -> int:
        row = self._one("SELECT number FROM host WHERE session = ?", session_hash)
        if row is None:
            raise SessionSuperseded
        number: int = row[0]
        return number

    def _one(self, query: str, *values: object) -> Any:
        return self._sql.execute(query, values).fetchone()

    def _all(self, query: str, *values: object) -> list[Any]:
        return self._sql.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        """Run the block in a transaction, which is on the disk when the block has ended.

        Raises:
            StoreFailed: the database cannot be used; nothing was stored.
        """
        try:
            self._sql.execute(f"BEGIN {kind}")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:  # a full disk ends it
                    self._sql.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreFailed(f"{error}") from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read one state of the database, without waiting for those who write."""
        with self._transaction("DEFERRED"):
            yield
