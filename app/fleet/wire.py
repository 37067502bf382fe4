"""The wire format of version 1: what agents report to a hub, and what it answers.

An agent is a host's server that reports to a hub. It enrols once with a token, opens a session by
signing the hub's nonce, and then reports each channel: first a snapshot, then the changes after it.
A report says which position it follows. The hub takes it only if that is the position it has, in
the transaction that stores the content: reports may arrive several times and count once.

Requests of unknown members are accepted, because an agent may be newer than its hub.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


PREFIX: Final = "/fleet/v1"
NDJSON: Final = "application/x-ndjson"
SESSION_PREFIX: Final = "sas_"
"""The start of a session's credential."""
TOKEN_PREFIX: Final = "sat_"  # noqa: S105  # what every enrolment token begins with
"""The start of an enrolment token."""

MAX_LINES: Final = 2000
"""Maximum number of lines of a report, its head included."""
MAX_BODY_BYTES: Final = 512 << 10
"""Maximum size of a request's body as it is sent, compressed."""
MAX_CONTENT_BYTES: Final = 4 << 20
"""Maximum size of a request's content, decompressed."""

MAX_GAPS: Final = 100
"""Maximum number of gaps in a heartbeat."""

SA_CONTEXTS: Final = "sa-contexts"
Channel = Literal["sa-contexts"]
"""What is reported, with positions of its own."""

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HostId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{1,32}$")]
_Revision = Annotated[int, Field(ge=0, lt=1 << 63)]
_Time = Annotated[float, Field(ge=0, le=253_402_300_799)]
"""Unix seconds, up to the year 9999, the last that Python's `datetime` has."""
_Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_ObjectId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Wire(BaseModel):
    """The base class of requests and answers. Member names are in camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class Position(Wire):
    """How far a channel has been reported: a revision of one epoch of the host."""

    epoch: _Epoch
    revision: _Revision


class Enrolment(Wire):
    """A request to become a host of the fleet.

    Attributes:
        token: the enrolment token.
        public_key: the host's Ed25519 public key (RFC 8032), in hexadecimal.
        machine: a digest of what identifies the machine, by which a copied key is noticed.
        name: the host's name.
        version: the version of the agent.
    """

    token: Annotated[str, StringConstraints(max_length=256)]
    public_key: Hex32
    machine: Hex32
    name: _Text
    version: _Text


class Enrolled(Wire):
    """The answer to an enrolment.

    Attributes:
        host_id: the host's id, which follows from its key: to enrol again changes nothing.
    """

    host_id: HostId


class Challenge(Wire):
    """What an agent signs to open a session.

    Attributes:
        nonce: is accepted once, for a minute.
    """

    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SessionRequest(Wire):
    """A request to open a session, which supersedes the host's last one.

    Attributes:
        host_id: the host.
        nonce: the nonce of a challenge.
        instance: identifies the agent's process, at random.
        signature: of `app.fleet.identity.statement`, in hexadecimal.
        name: the host's name.
        version: the version of the agent.
    """

    host_id: HostId
    nonce: Hex32
    instance: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    name: _Text
    version: _Text


class Pacing(Wire):
    """How often and how much an agent may report.

    Attributes:
        debounce_seconds: for how long changes are collected before a report.
        heartbeat_seconds: the time between heartbeats.
        max_lines: the maximum number of lines of a report.
        max_content_bytes: the maximum size of a report, decompressed.
    """

    debounce_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 5
    heartbeat_seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 60
    max_lines: Annotated[int, Field(ge=2, le=MAX_LINES)] = 500
    max_content_bytes: Annotated[int, Field(ge=64 << 10, le=MAX_CONTENT_BYTES)] = 1 << 20


class Session(Wire):
    """The answer to a request for a session.

    Attributes:
        session: the credential of the host's next requests, as a bearer token.
        positions: the position of each channel that the hub has.
        pacing: the pace to keep.
    """

    session: str
    positions: dict[Channel, Position]
    pacing: Pacing


class Changes(Wire):
    """The head of a report of changes; each further line is a `Change`.

    Attributes:
        channel: the channel.
        epoch: the host's epoch.
        after: the revision that the changes follow; the hub must have it.
        revision: the revision that they lead to.
    """

    channel: Channel
    epoch: _Epoch
    after: _Revision
    revision: _Revision


class Change(Wire):
    """The head of one change. A line has it and, unless the object was deleted, `object`.

    Attributes:
        revision: the host's revision that it belongs to; revisions do not fall from line to line.
        kind: what happened.
        id: the object's id.
    """

    revision: _Revision
    kind: Literal["added", "modified", "deleted"]
    id: _ObjectId


class SnapshotPart(Wire):
    """The head of a part of a snapshot; each further line is a `SnapshotLine`.

    The first part discards what had arrived before. Each object is named by its hash; the hub
    answers which of them it needs, and these are sent, as a whole, in further parts. The last part
    makes the snapshot the content of the channel, at once.

    Attributes:
        channel: the channel.
        epoch: the host's epoch.
        revision: the revision that the snapshot shows.
        is_first: whether it begins a snapshot.
        is_last: whether it completes the snapshot.
    """

    channel: Channel
    epoch: _Epoch
    revision: _Revision
    is_first: bool
    is_last: bool


class SnapshotLine(Wire):
    """An object of a snapshot: its hash or, in a line that also has `object`, the whole of it.

    Attributes:
        id: the object's id.
        hash: the hash of its content (`app.fleet.hashes`).
    """

    id: _ObjectId
    hash: _Hash


class Gap(Wire):
    """Changes that the host's spool could not keep: what is between two positions is unknown.

    Attributes:
        since: when the first of them happened, in Unix seconds by the host's clock.
        until: when the last of them happened.
        changes: how many there were.
    """

    since: _Time
    until: _Time
    changes: Annotated[int, Field(ge=1, lt=1 << 63)]


class Taken(Wire):
    """The answer to a report.

    Attributes:
        position: what the hub has now; null: nothing.
        need: the ids of objects of a snapshot that the hub needs as a whole.
    """

    position: Position | None
    need: tuple[str, ...] = ()


class Content(Wire):
    """What a channel contains, according to the host.

    Attributes:
        epoch: the host's epoch.
        revision: the revision.
        count: the number of objects.
        digest: the digest of all of them (`app.fleet.hashes`).
    """

    epoch: _Epoch
    revision: _Revision
    count: _Revision
    digest: _Hash


class Heartbeat(Wire):
    """A sign of life.

    Attributes:
        time: the host's time, in Unix seconds.
        content: what each channel contains, at a position that the hub may have.
        gaps: the gaps that have not been reported yet.
    """

    time: _Time
    content: dict[Channel, Content] = {}
    gaps: Annotated[tuple[Gap, ...], Field(max_length=MAX_GAPS)] = ()


class HeartbeatTaken(Wire):
    """The answer to a heartbeat.

    Attributes:
        differs: the channels of which the hub has other content at that position; they need a
            snapshot.
        pacing: the pace to keep.
    """

    differs: tuple[Channel, ...]
    pacing: Pacing
