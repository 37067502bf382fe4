"""The content that a hub stores, compared with a model of what hosts reported."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.fleet.hashes import Digest, hash_of
from app.fleet.wire import Changes, Content, Enrolment, Heartbeat, Position, SnapshotPart
from app.hub.sqlite.store import SqliteStore
from app.hub.store import (
    Part,
    PositionDiffers,
    ReportedChange,
    SessionSuperseded,
    StoredObject,
    Token,
)
from tests.hub import stored


HOSTS = ("aa" * 16, "bb" * 16)
IDS = st.sampled_from([0, 1, 2, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
WORDS = st.sets(st.sampled_from(["des", "md5", "no_pfs"]))
CHANGES = st.lists(
    st.lists(st.tuples(IDS, st.none() | WORDS), min_size=1, max_size=3, unique_by=lambda e: e[0]),
    min_size=1,
    max_size=3,
)


def made(number: int, words: set[str]) -> StoredObject:
    json = orjson.dumps({"saContextId": str(number), "words": sorted(words)})
    return StoredObject(number, hash_of(number, json), json, tuple(sorted(words)))


class Reported:
    """What a host has reported: its epoch, its revision and its objects."""

    def __init__(self) -> None:
        self.epoch = 0
        self.revision = 0
        self.objects: dict[int, StoredObject] = {}
        self.is_known = False

    @property
    def position(self) -> Position:
        return Position(epoch=f"e{self.epoch}", revision=self.revision)

    def content(self) -> dict[int, Any]:
        return {number: orjson.loads(each.json) for number, each in self.objects.items()}


class ContentMachine(RuleBasedStateMachine):
    """Two hosts that report, repeat reports, restart, and lose answers; a hub that restarts."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "hub.db"
        self._store = SqliteStore(self._path)
        self._store.add_token(Token("t", "test", 0, None, None), b"token")
        self._hosts = {host_id: Reported() for host_id in HOSTS}
        self._past: dict[int, dict[str, dict[int, Any]]] = {}
        self._last: tuple[bytes, Changes, list[ReportedChange]] | None = None
        self._nonces = 0
        for host_id in HOSTS:
            enrolment = Enrolment(
                token="", public_key=host_id * 2, machine=host_id * 2, name="x", version="1"
            )
            self._store.enrol(enrolment, host_id, b"token", 0)
            self._open_session(host_id)

    def _open_session(self, host_id: str) -> None:
        self._nonces += 1
        positions = self._store.open_session(host_id, host_id.encode(), self._nonces, "x", "1")
        host = self._hosts[host_id]
        assert positions == ({"sa-contexts": host.position} if host.is_known else {})

    def _remember(self) -> None:
        """Remember what all content is at the hub's revision, which is shown from now on."""
        content = {host_id: host.content() for host_id, host in self._hosts.items()}
        revision = stored.revision(self._path)
        assert self._past.setdefault(revision, content) == content

    @rule(host_id=st.sampled_from(HOSTS), groups=CHANGES)
    def report_changes(self, host_id: str, groups: list[list[tuple[int, set[str] | None]]]) -> None:
        host = self._hosts[host_id]
        reported: list[ReportedChange] = []
        after = host.position
        for group in groups:
            host.revision += 1
            for number, words in group:
                found = None if words is None else made(number, words)
                reported.append(ReportedChange(host.revision, number, found))
                if found is None:
                    host.objects.pop(number, None)
                else:
                    host.objects[number] = found
        head = Changes(
            channel="sa-contexts",
            epoch=after.epoch,
            after=after.revision,
            revision=host.revision,
        )
        if not host.is_known:
            with pytest.raises(PositionDiffers):
                self._store.take_changes(host_id.encode(), head, reported, 0)
            self.report_snapshot(host_id)
            return
        assert self._store.take_changes(host_id.encode(), head, reported, 0) == host.position
        self._last = host_id.encode(), head, reported
        self._remember()

    @rule()
    def repeat_the_last_report(self) -> None:
        """Its answer was lost: it counts once."""
        if self._last is None:
            return
        session, head, reported = self._last
        host = self._hosts[session.decode()]
        if host.position.epoch == head.epoch:
            assert self._store.take_changes(session, head, reported, 0) == host.position
        else:
            with pytest.raises(PositionDiffers):
                self._store.take_changes(session, head, reported, 0)

    @rule(host_id=st.sampled_from(HOSTS))
    def report_what_does_not_follow(self, host_id: str) -> None:
        host = self._hosts[host_id]
        head = Changes(
            channel="sa-contexts",
            epoch=host.position.epoch,
            after=host.revision + 1,
            revision=host.revision + 2,
        )
        with pytest.raises(PositionDiffers) as caught:
            self._store.take_changes(host_id.encode(), head, [], 0)
        assert caught.value.position == (host.position if host.is_known else None)

    @rule(host_id=st.sampled_from(HOSTS), is_restarted=st.booleans(), change=CHANGES)
    def report_snapshot(
        self,
        host_id: str,
        is_restarted: bool = False,
        change: list[list[tuple[int, set[str] | None]]] | None = None,
    ) -> None:
        """Report a snapshot in parts, of which the first was sent twice."""
        host = self._hosts[host_id]
        if is_restarted:
            host.epoch, host.revision = host.epoch + 1, 0
        for number, words in (each for group in change or () for each in group):
            host.objects.pop(number, None)
            if words is not None:
                host.objects[number] = made(number, words)
        host.revision += 1
        hashes = {number: each.hash for number, each in host.objects.items()}
        for _ in range(2):
            _, need = self._send(host_id, Part(hashes, ()), is_first=True)
        whole = [host.objects[number] for number in need]
        self._send(host_id, Part({}, whole))
        assert self._send(host_id, Part({}, ()), is_last=True) == (host.position, [])
        host.is_known = True
        self._remember()

    def _send(
        self, host_id: str, part: Part, *, is_first: bool = False, is_last: bool = False
    ) -> tuple[Position | None, list[int]]:
        position = self._hosts[host_id].position
        head = SnapshotPart(
            channel="sa-contexts",
            epoch=position.epoch,
            revision=position.revision,
            is_first=is_first,
            is_last=is_last,
        )
        return self._store.take_part(host_id.encode(), head, part, 0)

    @rule()
    def restart_the_hub(self) -> None:
        self._store.close()
        self._store = SqliteStore(self._path)

    @rule(host_id=st.sampled_from(HOSTS))
    def restart_an_agent(self, host_id: str) -> None:
        self._open_session(host_id)

    @invariant()
    def each_revision_shows_what_was_there(self) -> None:
        for revision, content in self._past.items():
            for host_id in HOSTS:
                assert stored.contexts_at(self._path, host_id, revision) == content[host_id]

    @invariant()
    def counts_are_those_of_the_content(self) -> None:
        for host in self._store.hosts():
            reported = self._hosts[host.id]
            if reported.is_known:
                state = host.channels["sa-contexts"]
                digest = Digest(each.hash for each in reported.objects.values())
                assert (state.count, state.digest) == (digest.count, digest.text)
                words = Counter(word for o in reported.objects.values() for word in o.weaknesses)
                assert dict(host.weaknesses) == words

    def teardown(self) -> None:
        self._store.close()
        self._folder.cleanup()


TestContent = ContentMachine.TestCase
TestContent.settings = settings(max_examples=40, stateful_step_count=25)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made_store = SqliteStore(tmp_path / "hub.db")
    made_store.add_token(Token("t", "test", 0, None, None), b"token")
    enrolment = Enrolment(token="", public_key="00" * 32, machine="00" * 32, name="x", version="1")
    made_store.enrol(enrolment, HOSTS[0], b"token", 0)
    made_store.open_session(HOSTS[0], b"session", 1, "x", "1")
    return made_store


def first(revision: int, *, is_last: bool = True) -> SnapshotPart:
    return SnapshotPart(
        channel="sa-contexts", epoch="a", revision=revision, is_first=True, is_last=is_last
    )


def test_a_part_of_no_snapshot_is_rejected(store: SqliteStore) -> None:
    store.take_part(b"session", first(1, is_last=False), Part({}, ()), 0)
    later = first(2).model_copy(update={"is_first": False})

    with pytest.raises(PositionDiffers):
        store.take_part(b"session", later, Part({}, ()), 0)


def test_a_snapshot_that_lacks_an_object_changes_nothing(store: SqliteStore) -> None:
    position, need = store.take_part(b"session", first(1), Part({7: bytes(8)}, ()), 0)

    assert (position, need) == (None, [7])
    assert store.hosts()[0].channels == {}


def test_a_heartbeat_tells_what_differs(store: SqliteStore) -> None:
    store.take_part(b"session", first(3), Part({}, [made(7, {"des"})]), 0)
    digest = Digest([made(7, {"des"}).hash])

    def differs(revision: int, count: int, text: str) -> list[str]:
        content = Content(epoch="a", revision=revision, count=count, digest=text)
        beat = Heartbeat(time=0, content={"sa-contexts": content})
        return [*store.take_heartbeat(b"session", beat)]

    assert differs(3, 1, digest.text) == []
    assert differs(3, 2, digest.text) == ["sa-contexts"]
    assert differs(3, 1, "00" * 8) == ["sa-contexts"]
    assert differs(4, 2, digest.text) == []  # the hub has not got that far


def test_a_superseded_session_changes_nothing(store: SqliteStore) -> None:
    store.open_session(HOSTS[0], b"later", 2, "x", "1")

    with pytest.raises(SessionSuperseded):
        store.take_part(b"session", first(1), Part({}, ()), 0)
    with pytest.raises(SessionSuperseded):
        store.take_heartbeat(b"session", Heartbeat(time=0))
    assert store.hosts()[0].channels == {}


def test_the_past_is_forgotten_by_its_age(store: SqliteStore, tmp_path: Path) -> None:
    store.take_part(b"session", first(1), Part({}, [made(n, set()) for n in range(5)]), 10)
    store.take_part(b"session", first(2), Part({}, ()), 20)

    assert store.forget_past(20, 9) == 0
    assert store.forget_past(21, 3) == 3
    assert store.forget_past(21, 3) == 2
    with closing(sqlite3.connect(tmp_path / "hub.db")) as sql:
        assert sql.execute("SELECT count(*) FROM sa_context_past").fetchone() == (0,)
