"""The spool, compared with a model that keeps everything."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.agent import spool as spool_module
from app.agent.spool import NotCovered, Spool, SpooledChange, SpoolUnusable
from app.fleet.wire import Gap, Position


def change(revision: int, text: bytes = b"line", at: float = 0) -> SpooledChange:
    return SpooledChange(revision, at, text)


def at(revision: int, epoch: str = "a") -> Position:
    return Position(epoch=epoch, revision=revision)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "agent" / "spool.db", 1 << 20, 1000)
    made.begin("a", 3)
    yield made
    made.close()


def lines(spool: Spool, position: Position, max_lines: int = 9, max_bytes: int = 999) -> Any:
    batch = spool.after(position, max_lines, max_bytes)
    return batch and (batch.after, batch.position.revision, list(batch.lines))


def test_changes_follow_a_position_in_whole_revisions(spool: Spool) -> None:
    spool.append("a", [change(4, b"one"), change(6, b"two"), change(6, b"three")], 0)

    assert lines(spool, at(3)) == (3, 6, [b"one", b"two", b"three"])
    assert lines(spool, at(5)) == (5, 6, [b"two", b"three"])
    assert lines(spool, at(3), max_lines=2) == (3, 4, [b"one"])
    assert lines(spool, at(3), max_bytes=5) == (3, 4, [b"one"])
    assert lines(spool, at(6)) is None


@pytest.mark.parametrize("position", [at(2), at(3, "b")])
def test_what_the_spool_does_not_have_needs_a_snapshot(spool: Spool, position: Position) -> None:
    spool.append("a", [change(4)], 0)

    with pytest.raises(NotCovered):
        spool.after(position, 9, 999)


def test_a_revision_that_is_too_large_needs_a_snapshot(spool: Spool) -> None:
    spool.append("a", [change(4)] * 4, 0)

    with pytest.raises(NotCovered):
        spool.after(at(3), 3, 999)
    with pytest.raises(NotCovered):
        spool.after(at(3), 9, 15)
    assert lines(spool, at(3), 4, 16) == (3, 4, [b"line"] * 4)


def test_an_earlier_epoch_ends_with_a_snapshot(spool: Spool) -> None:
    spool.append("a", [change(4)], 0)
    spool.begin("b", 1)
    spool.append("b", [change(2)], 0)

    assert lines(spool, at(3)) == (3, 4, [b"line"])
    with pytest.raises(NotCovered):
        spool.after(at(4), 9, 999)
    assert lines(spool, at(1, "b")) == (1, 2, [b"line"])


def test_it_is_all_there_after_a_restart(tmp_path: Path, spool: Spool) -> None:
    spool.append("a", [change(4)], 0)
    spool.close()

    again = Spool(tmp_path / "agent" / "spool.db", 1 << 20, 1000)
    assert lines(again, at(3)) == (3, 4, [b"line"])
    again.close()


def test_what_is_too_old_is_a_gap(spool: Spool) -> None:
    spool.append("a", [change(4, at=10), change(4, at=11), change(5, at=900)], 900)
    spool.append("a", [change(6, at=1500)], 1500)

    assert spool.gaps() == (Gap(since=10, until=11, changes=2),)
    with pytest.raises(NotCovered):
        spool.after(at(3), 9, 999)
    assert lines(spool, at(4)) == (4, 6, [b"line"] * 2)

    spool.forget_gaps(spool.gaps())
    assert spool.gaps() == ()


def test_what_is_too_much_is_a_gap(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", 10_000, 1000)
    spool.begin("a", 0)
    for revision in range(1, 31):
        spool.append("a", [change(revision, os.urandom(1000), at=revision)], revision)

    (gap,) = spool.gaps()
    kept = lines(spool, at(gap.changes), 99, 1 << 20)
    assert gap == Gap(since=1, until=gap.changes, changes=gap.changes)
    assert gap.changes + len(kept[2]) == 30
    assert 8 <= len(kept[2]) <= 9
    spool.close()


def test_what_is_acknowledged_is_kept_for_a_while_and_makes_no_gap(spool: Spool) -> None:
    spool.append("a", [change(4, at=10), change(5, at=20)], 20)
    spool.acknowledge(at(4), 20)

    assert lines(spool, at(3)) == (3, 5, [b"line"] * 2)
    spool.acknowledge(at(5), 20 + spool_module.ACKNOWLEDGED_SECONDS)
    assert spool.gaps() == ()
    with pytest.raises(NotCovered):
        spool.after(at(3), 9, 999)
    assert lines(spool, at(5)) is None


def test_to_begin_an_epoch_again_loses_what_was_not_acknowledged(spool: Spool) -> None:
    spool.append("a", [change(4, at=5), change(5, at=6)], 6)
    spool.acknowledge(at(4), 6)
    spool.begin("a", 9)

    assert spool.gaps() == (Gap(since=6, until=6, changes=1),)
    with pytest.raises(NotCovered):
        spool.after(at(4), 9, 999)
    assert lines(spool, at(9)) is None


def test_many_gaps_become_one(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "MAX_GAPS", 2)
    for number in range(4):
        spool.begin("a", number)
        spool.append("a", [change(number + 1, at=100 * number)], 0)

    assert spool.gaps() == (
        Gap(since=0, until=0, changes=1),
        Gap(since=100, until=200, changes=2),
    )


def test_an_acknowledgement_of_an_unknown_epoch_changes_nothing(spool: Spool) -> None:
    spool.append("a", [change(4)], 0)
    spool.acknowledge(at(9, "z"), 0)

    assert lines(spool, at(3)) == (3, 4, [b"line"])


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"no database" * 1000)

    spool = Spool(path, 1 << 20, 1000)
    spool.begin("a", 0)
    assert lines(spool, at(0)) is None
    spool.close()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool.db").mkdir()

    with pytest.raises(SpoolUnusable, match=r"spool\.db"):
        Spool(tmp_path / "spool.db", 1 << 20, 1000)


def test_a_full_disk_loses_nothing_that_was_there(spool: Spool) -> None:
    spool.append("a", [change(4)], 0)
    spool._sql.execute("PRAGMA max_page_count = 1")  # noqa: SLF001  # for SQLite, the disk is full then

    with pytest.raises(SpoolUnusable, match="full"):
        spool.append("a", [change(5, os.urandom(100_000))], 0)
    assert lines(spool, at(3)) == (3, 4, [b"line"])


@dataclass
class Epoch:
    """All changes of an epoch, and the newest revision."""

    name: str
    revision: int
    changes: list[SpooledChange] = field(default_factory=list)


class SpoolMachine(RuleBasedStateMachine):
    """Any order of changes, epochs, acknowledgements, restarts and the passing of time."""

    MAX_BYTES = 400
    MAX_SECONDS = 500

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "spool.db"
        self._spool = self._open()
        self._now = 0.0
        self._epochs = [Epoch("e0", 0)]
        self._spool.begin("e0", 0)
        self._acknowledged = (0, 0)
        self._reported = 0

    def _open(self) -> Spool:
        return Spool(self._path, self.MAX_BYTES, self.MAX_SECONDS)

    @rule(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=3))
    def append(self, sizes: list[int]) -> None:
        epoch = self._epochs[-1]
        epoch.revision += 1
        new = [SpooledChange(epoch.revision, self._now, os.urandom(size)) for size in sizes]
        epoch.changes += new
        self._spool.append(epoch.name, new, self._now)

    @rule()
    def begin(self) -> None:
        self._epochs.append(Epoch(f"e{len(self._epochs)}", 1))
        self._spool.begin(self._epochs[-1].name, 1)

    @rule(seconds=st.sampled_from([1, 300, 4000]))
    def wait(self, seconds: int) -> None:
        self._now += seconds

    @rule()
    def restart(self) -> None:
        self._spool.close()
        self._spool = self._open()

    @precondition(lambda self: self._epochs[-1].changes)
    @rule()
    def acknowledge(self) -> None:
        epoch = self._epochs[-1]
        self._spool.acknowledge(Position(epoch=epoch.name, revision=epoch.revision), self._now)
        self._acknowledged = (len(self._epochs) - 1, epoch.revision)

    @rule(data=st.data())
    def read(self, data: Any) -> None:
        """Whatever follows a position is complete and in order, up to the end of the epoch."""
        epoch = data.draw(st.sampled_from(self._epochs))
        revision = data.draw(st.integers(0, epoch.revision))
        expected = [each.line for each in epoch.changes if each.revision > revision]
        found: list[bytes] = []
        position = Position(epoch=epoch.name, revision=revision)
        try:
            while (batch := self._spool.after(position, 3, 200)) is not None:
                assert batch.after == position.revision < batch.position.revision
                found += batch.lines
                position = batch.position
        except NotCovered:
            assert found == expected[: len(found)]
        else:
            assert epoch is self._epochs[-1]
            assert found == expected

    @invariant()
    def what_is_missing_is_in_a_gap(self) -> None:
        """All changes were acknowledged, are there, or are counted in a gap."""
        with closing(sqlite3.connect(self._path)) as sql:
            rows = sql.execute(
                "SELECT epoch.epoch, revision, line FROM change JOIN epoch ON epoch.number ="
                " change.epoch"
            ).fetchall()
        there = {(name, revision, zlib.decompress(line)) for name, revision, line in rows}
        missing = sum(
            (number, each.revision) > self._acknowledged
            and (epoch.name, each.revision, each.line) not in there
            for number, epoch in enumerate(self._epochs)
            for each in epoch.changes
        )
        counted = sum(gap.changes for gap in self._spool.gaps())
        assert counted >= missing

    def teardown(self) -> None:
        self._spool.close()
        self._folder.cleanup()


TestSpool = SpoolMachine.TestCase
