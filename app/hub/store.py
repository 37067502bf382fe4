"""What a hub stores, whatever the database: hosts, sessions, content and what it was before.

How content is stored: an object has the hub's revision from which on it is as it is. What it was
before is the past, with the revisions between which it was so. All content at a revision is what
had begun and not ended by then, so a reader needs no snapshot. The hub's revision rises in the
transaction that stores the content, and only one such transaction runs at a time: revisions become
visible in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from app.fleet.wire import Changes, Channel, Enrolment, Gap, Heartbeat, Position, SnapshotPart


class StoreFailed(Exception):
    """The database cannot be used now; nothing was stored. The message says why."""


class TokenRejected(Exception):
    """An enrolment token is unknown, used up or expired."""


class UnknownHost(Exception):
    """No host has this id."""


class NonceUsed(Exception):
    """A session was opened with this nonce or a later one."""


class SessionSuperseded(Exception):
    """A session has ended, because the host opened another one or was retired."""


class PositionDiffers(Exception):
    """A report follows a position that the hub does not have.

    Attributes:
        position: what the hub has; None: nothing.
    """

    def __init__(self, position: Position | None) -> None:
        super().__init__("the report follows another position")
        self.position = position


class StoredObject(NamedTuple):
    """An object as a host reported it.

    Attributes:
        id: its id.
        hash: the hash of its content.
        json: its JSON text.
        weaknesses: its weaknesses, each once.
    """

    id: int
    hash: bytes
    json: bytes
    weaknesses: tuple[str, ...]


class ReportedChange(NamedTuple):
    """One change of a host's content.

    Attributes:
        revision: the host's revision that it belongs to.
        id: the object's id.
        object: the object; None: it was deleted.
    """

    revision: int
    id: int
    object: StoredObject | None


class Part(NamedTuple):
    """The content of a part of a snapshot.

    Attributes:
        hashes: the hashes of objects, by id.
        objects: whole objects.
    """

    hashes: Mapping[int, bytes]
    objects: Sequence[StoredObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """What a hub has of one channel of a host.

    Attributes:
        position: how far it was reported.
        count: the number of objects.
        digest: their digest (`app.fleet.hashes`).
        reported_at: when the last report was stored, in Unix seconds.
    """

    position: Position
    count: int
    digest: str
    reported_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host of the fleet, without its key.

    Attributes:
        id: its id.
        name: its name.
        version: the version of its agent.
        enrolled_at: when it was enrolled, in Unix seconds.
        enrolled_with: the name of the token that it was enrolled with.
        channels: what the hub has of it.
        weaknesses: the number of SA contexts by weakness.
        gaps: what it could not report, the newest last.
        seen_at: the last sign of life before this process ran, in Unix seconds; None: none.
        clock_skew: how far its clock was ahead then, in seconds; None: unknown.
    """

    id: str
    name: str
    version: str
    enrolled_at: float
    enrolled_with: str
    channels: Mapping[Channel, ChannelState] = field(default_factory=dict)
    weaknesses: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    seen_at: float | None = None
    clock_skew: float | None = None


class Token(NamedTuple):
    """An enrolment token, without its secret.

    Attributes:
        id: its public id.
        name: its owner or purpose.
        created_at: when it was created, in Unix seconds.
        expires_at: when it expires; None: never.
        uses_left: how many hosts it can still enrol; None: any number.
    """

    id: str
    name: str
    created_at: float
    expires_at: float | None
    uses_left: int | None


class Seen(NamedTuple):
    """A sign of life of a host.

    Attributes:
        host_id: the host.
        at: when, in Unix seconds.
        clock_skew: how far the host's clock was ahead, in seconds.
    """

    host_id: str
    at: float
    clock_skew: float


class HubStore(Protocol):
    """A database. Its methods block, each in one transaction; threads call them one at a time.

    Each method raises `StoreFailed` if the database cannot be used.
    """

    epoch: str
    """Identifies the hub's content; revisions mean nothing beyond it."""
    secret: bytes
    """A secret that all processes of a hub share."""

    def add_token(self, token: Token, token_hash: bytes) -> None:
        """Store a token."""

    def tokens(self) -> list[Token]:
        """Return all tokens."""

    def remove_token(self, token_id: str) -> bool:
        """Remove a token; return whether there was one."""

    def enrol(self, enrolment: Enrolment, host_id: str, token_hash: bytes, now: float) -> None:
        """Enrol a host; a host that is enrolled already needs no token that is still valid.

        Raises:
            TokenRejected: the token is unknown, used up or expired.
        """

    def public_key(self, host_id: str) -> bytes:
        """Return the public key of a host.

        Raises:
            UnknownHost: there is no such host.
        """

    def open_session(
        self, host_id: str, session_hash: bytes, nonce_time: int, name: str, version: str
    ) -> Mapping[Channel, Position]:
        """Open a session, which supersedes the last one, and return the hub's positions.

        Raises:
            UnknownHost: there is no such host.
            NonceUsed: a session was opened with a nonce of this time or later.
        """

    def host_of(self, session_hash: bytes) -> str | None:
        """Return the host that a session belongs to; None if the session has ended."""

    def take_changes(
        self, session_hash: bytes, head: Changes, changes: Sequence[ReportedChange], now: float
    ) -> Position:
        """Store changes, unless they are stored already; return the position after them.

        Raises:
            SessionSuperseded: the session has ended.
            PositionDiffers: the hub does not have the position that they follow.
        """

    def take_part(
        self, session_hash: bytes, head: SnapshotPart, part: Part, now: float
    ) -> tuple[Position | None, list[int]]:
        """Store a part of a snapshot; the last one replaces the content of the channel.

        Returns:
            The position of the channel, and the ids of objects that are needed as a whole.

        Raises:
            SessionSuperseded: the session has ended.
            PositionDiffers: the part belongs to no snapshot that has begun.
        """

    def take_heartbeat(self, session_hash: bytes, heartbeat: Heartbeat) -> list[Channel]:
        """Store the gaps of a heartbeat; return the channels whose content differs.

        Raises:
            SessionSuperseded: the session has ended.
        """

    def note_seen(self, seen: Sequence[Seen]) -> None:
        """Store signs of life, all at once."""

    def hosts(self) -> list[Host]:
        """Return all hosts, by id."""

    def forget_past(self, before: float, limit: int) -> int:
        """Delete at most `limit` objects of the past that ended before a time; return how many."""

    def close(self) -> None:
        """Close the database."""
