"""The reporter: brings what this host knows to its hub, and goes on until it is there.

It has one request under way at a time. The hub keeps the position of what it has, so the reporter
keeps none: after any failure it opens a session, learns the position, and goes on from there. If
the spool does not lead on from it, it sends a snapshot, of which the hub takes what differs.
"""

from __future__ import annotations

import random
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Final, NoReturn, TypeVar

import anyio
import anyio.to_thread
import orjson
import structlog

from app.agent.client import HubClient, HubProblem, HubUnreachable
from app.agent.content import FollowedStore
from app.agent.identity import Identity
from app.agent.spool import Batch, NotCovered, SpoolUnusable
from app.fleet.hashes import hash_of
from app.fleet.identity import statement
from app.fleet.wire import (
    MAX_LINES,
    SA_CONTEXTS,
    Changes,
    Enrolment,
    Heartbeat,
    Pacing,
    Position,
    SessionRequest,
    SnapshotPart,
)
from app.repository.snapshot.model import Snapshot


log = structlog.get_logger(__name__)

T = TypeVar("T")

NOT_ENROLLED: Final = "host_not_enrolled"
MIN_WAIT_SECONDS: Final = 1.0
MAX_WAIT_SECONDS: Final = 60.0
MAX_RETRY_AFTER_SECONDS: Final = 3600.0
MAX_ROUNDS: Final = 5
"""How often a hub may say of one snapshot that it needs more of it."""
VERSION: Final = version("sa-contexts")


class Reporter:
    """Reports to one hub. Belongs to one event loop.

    Attributes:
        failure: why nothing can be reported now; None: the last request was answered.
        position: the position that the hub acknowledged last; None: none in this process.
    """

    def __init__(
        self,
        client: HubClient,
        identity: Identity,
        followed: FollowedStore,
        read_token: Callable[[], str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Create a reporter.

        Args:
            client: the client of the hub.
            identity: this host's identity.
            followed: what is reported.
            read_token: returns the enrolment token; None: there is none.
            clock: returns Unix seconds.
        """
        self.failure: str | None = None
        self.position: Position | None = None
        self._client = client
        self._identity = identity
        self._followed = followed
        self._read_token = read_token
        self._clock = clock
        self._instance = secrets.token_hex(8)
        self._changed = anyio.Event()
        self._pacing = Pacing()
        self._wait = MIN_WAIT_SECONDS

    async def follow(self) -> NoReturn:
        """Append changes to the spool as they happen, whether the hub can be reached or not."""
        notifier = self._followed.store.notifier
        while True:
            try:
                await self._followed.catch_up()
                self._changed.set()
            except SpoolUnusable as error:
                self._note_failure(str(error))
            await notifier.wait(self)

    async def report(self) -> NoReturn:
        """Report until cancelled; after a failure, wait ever longer, up to a minute."""
        while True:
            retry_after = 0.0
            try:
                await self._report_in_a_session()
            except HubUnreachable as error:
                failure: HubUnreachable | None = error
                if isinstance(error, HubProblem) and error.code == NOT_ENROLLED:
                    failure = await self._enrol()
                if failure is None:
                    continue
                self._note_failure(str(failure))
                retry_after = min(failure.retry_after or 0, MAX_RETRY_AFTER_SECONDS)
            except SpoolUnusable as error:
                self._note_failure(str(error))
            # Not all at once, after a hub was away.
            await anyio.sleep(max(retry_after, self._wait) * random.uniform(0.5, 1))
            self._wait = min(2 * self._wait, MAX_WAIT_SECONDS)

    async def close_spool(self) -> None:
        """Close the spool once no thread uses it."""
        await self._spooled(self._followed.spool.close)

    def _note_failure(self, reason: str) -> None:
        if reason != self.failure:
            log.warning("hub_not_reached", reason=reason)
        self.failure = reason

    def _note_success(self) -> None:
        if self.failure is not None:
            log.info("hub_reached")
        self.failure = None
        self._wait = MIN_WAIT_SECONDS

    async def _enrol(self) -> HubUnreachable | None:
        """Enrol this host; return why it failed, or None."""
        token = self._read_token()
        if token is None:
            return HubUnreachable("this host is not enrolled, and there is no enrolment token")
        enrolment = Enrolment(
            token=token,
            public_key=self._identity.public_key.hex(),
            machine=self._identity.machine,
            name=socket.gethostname(),
            version=VERSION,
        )
        try:
            enrolled = await self._client.enrol(enrolment)
        except HubUnreachable as error:
            return error
        log.info("enrolled", host_id=enrolled.host_id)
        return None

    async def _report_in_a_session(self) -> NoReturn:
        """Open a session, and report until it fails.

        Raises:
            HubUnreachable, HubProblem: a request was not answered as it should be.
            SpoolUnusable: the spool cannot be written.
        """
        nonce = (await self._client.challenge()).nonce
        signed = statement(self._identity.host_id, nonce, self._instance)
        session = await self._client.open_session(
            SessionRequest(
                host_id=self._identity.host_id,
                nonce=nonce,
                instance=self._instance,
                signature=self._identity.sign(signed).hex(),
                name=socket.gethostname(),
                version=VERSION,
            )
        )
        self._note_success()
        self._pacing = session.pacing
        self.position = session.positions.get(SA_CONTEXTS)
        next_heartbeat = 0.0
        while True:
            await self._report_changes()
            if anyio.current_time() >= next_heartbeat:
                next_heartbeat = anyio.current_time() + self._pacing.heartbeat_seconds
                await self._send_heartbeat()
                continue  # which may have sent a snapshot
            with anyio.move_on_at(next_heartbeat):
                await self._changed.wait()
                await anyio.sleep(self._pacing.debounce_seconds)

    async def _report_changes(self) -> None:
        """Report until the hub has everything that is known now."""
        self._changed = anyio.Event()
        while True:
            try:
                batch = await self._next_batch(self.position)
            except NotCovered:
                if not await self._report_snapshot():
                    return
                continue
            if batch is None:
                return
            to = batch.position
            head = Changes(
                channel=SA_CONTEXTS, epoch=to.epoch, after=batch.after, revision=to.revision
            )
            await self._acknowledged((await self._client.send_changes(head, batch.lines)).position)

    async def _next_batch(self, position: Position | None) -> Batch | None:
        """Return the changes that follow a position; None: there are none yet.

        Raises:
            NotCovered: a snapshot is needed.
        """
        if position is None:
            raise NotCovered
        spool, lines = self._followed.spool, self._pacing.max_lines - 1  # besides the head
        size = self._pacing.max_content_bytes
        return await self._spooled(lambda: spool.after(position, lines, size))

    async def _report_snapshot(self) -> bool:
        """Report a snapshot; return whether there was one."""
        snapshot = self._followed.snapshot()
        if snapshot is None:
            return False
        position = Position(epoch=snapshot.epoch, revision=snapshot.revision)
        hashes = await anyio.to_thread.run_sync(_hash_lines, snapshot)
        pieces = [hashes[at : at + MAX_LINES - 1] for at in range(0, len(hashes), MAX_LINES - 1)]
        need: list[str] = []
        for number, piece in enumerate(pieces or [[]]):
            head = _part(position, is_first=number == 0)
            need += (await self._client.send_part(head, piece)).need
        for _ in range(MAX_ROUNDS):
            for piece in _pieces(_object_lines(snapshot, need), self._pacing):
                await self._client.send_part(_part(position), piece)
            taken = await self._client.send_part(_part(position, is_last=True), [])
            if not taken.need:
                await self._acknowledged(taken.position)
                return True
            need = [*taken.need]  # what the hub had has changed meanwhile
        raise HubUnreachable("the hub always needs more of a snapshot")

    async def _send_heartbeat(self) -> None:
        spool, position = self._followed.spool, self.position
        gaps = await self._spooled(spool.gaps)
        content = None if position is None else self._followed.content_at(position)
        heartbeat = Heartbeat(
            time=self._clock(),
            content={} if content is None else {SA_CONTEXTS: content},
            gaps=gaps,
        )
        taken = await self._client.send_heartbeat(heartbeat)
        self._pacing = taken.pacing
        if gaps:
            await self._spooled(lambda: spool.forget_gaps(gaps))
        if SA_CONTEXTS in taken.differs:
            log.warning("hub_differs", channel=SA_CONTEXTS)
            await self._report_snapshot()

    async def _acknowledged(self, position: Position | None) -> None:
        """Note the position that the hub has.

        Raises:
            HubUnreachable: it has none, although it took a report.
        """
        if position is None:
            raise HubUnreachable("the hub took a report and has no position")
        self.position = position
        spool, now = self._followed.spool, self._clock()
        await self._spooled(lambda: spool.acknowledge(position, now))

    async def _spooled(self, work: Callable[[], T]) -> T:
        async with self._followed.spooling.seat():
            return await anyio.to_thread.run_sync(work)


def _part(position: Position, *, is_first: bool = False, is_last: bool = False) -> SnapshotPart:
    return SnapshotPart(
        channel=SA_CONTEXTS,
        epoch=position.epoch,
        revision=position.revision,
        is_first=is_first,
        is_last=is_last,
    )


def _hash_lines(snapshot: Snapshot) -> list[bytes]:
    """Return a line with the hash of each object. Runs in a thread."""
    return [
        orjson.dumps({"id": str(number), "hash": hash_of(number, snapshot.blocks[place]).hex()})
        for place, number in enumerate(snapshot.ids)
    ]


def _object_lines(snapshot: Snapshot, wanted: Iterable[str]) -> Iterator[bytes]:
    """Yield a line with the whole of each wanted object."""
    places = {number: place for place, number in enumerate(snapshot.ids)}
    for each in wanted:
        if (place := places.get(int(each))) is not None:
            block = snapshot.blocks[place]
            about = {"id": each, "hash": hash_of(int(each), block).hex()}
            yield orjson.dumps({**about, "object": orjson.Fragment(block)})


def _pieces(lines: Iterable[bytes], pacing: Pacing) -> Iterator[list[bytes]]:
    """Yield lines in pieces that fit into a report."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and (
            len(piece) >= pacing.max_lines - 1 or size + len(line) > pacing.max_content_bytes
        ):
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    if piece:
        yield piece
