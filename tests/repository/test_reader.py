"""Reading an enumeration: complete, in order, and without leaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Option, Simulator

from app.repository.changes.journal import Journal, Position
from app.repository.refresh.reader import MAX_UNDECODED, EngineReader
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Change, Item, Snapshot
from app.repository.snapshot.state import CurrentState, SnapshotBuild
from app.resources.sa_contexts.counts import SaContextCounts
from app.resources.sa_contexts.encoding import encode_sa_context, no_alias
from app.resources.sa_contexts.index import index_key
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import Baseline
from bindings.decode import decode_sa_context
from bindings.engine import Basis, Engine
from bindings.errors import EnumerationTooLarge
from bindings.library import Library
from bindings.memory import RawTree
from bindings.records import SaContext
from bindings.sa_contexts import SaContextArray
from tests.repository.states import AT, state_of


def no_aliases() -> Callable[[int], None]:
    return no_alias


def begin(_basis: Basis) -> SnapshotBuilder:
    return SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts())


def not_announced(version: Snapshot) -> None:
    raise AssertionError(f"announced {len(version.ids)} contexts")


@pytest.mark.parametrize("max_undecoded", [0, 1, 137, 500, 10_000])
@pytest.mark.parametrize("shuffle", [False, True])
def test_all_is_read_whatever_is_left_unread_meanwhile(
    library: Library, simulator: Simulator, max_undecoded: int, shuffle: bool
) -> None:
    simulator.populate(1000, seed=4)
    simulator.set_option(Option.SHUFFLE, shuffle)
    with Engine(library) as engine:
        records = [context for page in engine.pages() for context in page]
        reader = EngineReader(
            engine, SaContextKind(no_aliases), page_size=37, max_undecoded=max_undecoded
        )

        version = reader.read_all(begin, not_announced)[0].snapshot

    assert list(version.ids) == simulator.ids()
    assert state_of(version) == {
        record.sa_context_id: Item(
            index_key(record, Baseline.NIST_SP_800_77R1), encode_sa_context(record)
        )
        for record in records
    }
    assert simulator.unfreed_blocks() == 0


class Refreshes:
    """Runs refreshes, and records which contexts each one decoded."""

    def __init__(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, *, max_undecoded: int = MAX_UNDECODED
    ) -> None:
        self.decoded: list[int] = []
        self.encoded: list[int] = []
        self.names: dict[int, str] = {}
        self.edition: SnapshotBuild | None = None
        kind = SaContextKind(lambda: dict(self.names).get)
        self._reader = EngineReader(engine, kind, page_size=17, max_undecoded=max_undecoded)

        def decode(plain: RawTree) -> SaContext:
            self.decoded.append(plain[0])
            return decode_sa_context(plain)

        def encode(context: SaContext, *others: Any) -> bytes:
            self.encoded.append(context.sa_context_id)
            return encode_sa_context(context, *others)

        monkeypatch.setattr("app.resources.sa_contexts.kind.decode_sa_context", decode)
        monkeypatch.setattr("app.resources.sa_contexts.kind.encode_sa_context", encode)

    def refresh(self, *, without_marks: bool = False) -> SnapshotBuild:
        previous = self.edition
        if previous is not None and without_marks:
            previous = previous._replace(fingerprints=bytes(len(previous.fingerprints)))
        self.decoded.clear()
        self.encoded.clear()
        self.edition, _ = self._reader.read_all(
            lambda _: SnapshotBuilder(
                "e", AT, 0.0, counts=SaContextCounts(), previous=previous and CurrentState(previous)
            ),
            lambda _: None,
        )
        return self.edition


def test_only_what_changed_is_decoded_and_encoded(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(1000)
    with Engine(library) as engine:
        refreshes = Refreshes(engine, monkeypatch)
        first = refreshes.refresh()
        assert refreshes.decoded == refreshes.encoded == simulator.ids()

        second = refreshes.refresh()
        assert refreshes.decoded == refreshes.encoded == []
        assert second.changes == ()
        assert second.snapshot.blocks is first.snapshot.blocks

        simulator.churn(5)
        third = refreshes.refresh()

    assert third.changes is not None
    changed = [change.object_id for change in third.changes if change.kind != "deleted"]
    assert changed != []
    assert refreshes.decoded == refreshes.encoded == sorted(changed)


def test_an_interface_of_another_name_is_noticed(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(200)
    with Engine(library) as engine:
        refreshes = Refreshes(engine, monkeypatch)
        records = [context for page in engine.pages() for context in page]
        luids = {context.sa_context_id: _luids(context) for context in records}
        renamed = next(luid for ids in luids.values() for luid in ids)
        behind = sorted(number for number, ids in luids.items() if renamed in ids)
        refreshes.refresh()
        for names in ({renamed: "Ethernet"}, {renamed: "Ethernet 2"}, {}):
            refreshes.names = names
            edition = refreshes.refresh()

            assert refreshes.decoded == behind
            assert {change.object_id for change in edition.changes or ()} == set(behind)
            assert state_of(edition.snapshot) == {
                record.sa_context_id: Item(
                    index_key(record, Baseline.NIST_SP_800_77R1),
                    encode_sa_context(record, names.get),
                )
                for record in records
            }


def _luids(context: SaContext) -> set[int]:
    directions = (context.inbound_sa, context.outbound_sa)
    return {
        details.traffic.local_if_luid
        for details in directions
        if details is not None and details.traffic.local_if_luid is not None
    }


@settings(max_examples=25)
@given(
    steps=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
    max_undecoded=st.sampled_from([0, 70, 10_000]),
    is_shuffled=st.booleans(),
    generation=st.sampled_from([0, 1]),
)
def test_refreshes_with_marks_give_what_those_without_give(
    library: Library,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[int],
    seed: int,
    max_undecoded: int,
    is_shuffled: bool,
    generation: int,
) -> None:
    simulator.populate(120, seed)
    simulator.set_option(Option.SHUFFLE, is_shuffled)
    with Engine(library, generation=generation) as engine:
        one, other = (Refreshes(engine, monkeypatch, max_undecoded=max_undecoded) for _ in range(2))
        journals = [Journal(200, 1 << 20) for _ in range(2)]
        for number, changes in enumerate(steps):
            simulator.churn(changes)
            with_marks, without = one.refresh(), other.refresh(without_marks=True)

            assert state_of(with_marks.snapshot) == state_of(without.snapshot)
            assert with_marks.snapshot.ids == without.snapshot.ids
            assert with_marks.snapshot.revision == without.snapshot.revision
            assert _by_id(with_marks) == _by_id(without)
            assert with_marks.fingerprints == without.fingerprints
            assert vars(with_marks.counts) == vars(without.counts)
            for journal, edition in zip(journals, (with_marks, without), strict=True):
                if number == 0:
                    journal.restart("e", edition.snapshot.revision)
                else:
                    journal.record(edition.snapshot.revision, edition.changes or ())
        revision = with_marks.snapshot.revision
        for since in range(revision + 2):
            first, second = (journal.changes_after("e", Position(since)) for journal in journals)
            assert (first is None) == (second is None)
            assert first is None or [len(d.changes) for d in first] == [
                len(d.changes) for d in second or ()
            ]


def _by_id(edition: SnapshotBuild) -> dict[int, Change] | None:
    """Return the changes; their order is the engine's, which may shuffle."""
    if edition.changes is None:
        return None
    return {change.object_id: change for change in edition.changes}


def test_what_was_read_is_freed_meanwhile(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(500)
    unfreed: list[int] = []
    read = SaContextArray.read

    def counted(array: SaContextArray, index: int) -> RawTree:
        unfreed.append(simulator.unfreed_blocks())
        return read(array, index)

    monkeypatch.setattr(SaContextArray, "read", counted)
    with Engine(library) as engine:
        EngineReader(engine, SaContextKind(no_aliases), page_size=50).read_all(begin, not_announced)

    assert unfreed[0] > unfreed[250] > unfreed[-1] > 0
    assert simulator.unfreed_blocks() == 0


def test_a_stop_ends_a_reading_at_its_next_context(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(1000)
    taken: list[int] = []
    read = SaContextArray.read

    def counted(array: SaContextArray, index: int) -> RawTree:
        taken.append(index)
        if len(taken) == 2:
            reader.stop()
        return read(array, index)

    monkeypatch.setattr(SaContextArray, "read", counted)
    with Engine(library) as engine:
        reader = EngineReader(engine, SaContextKind(no_aliases), page_size=10)
        with pytest.raises(ShuttingDown):
            reader.read_all(begin, not_announced)

    assert len(taken) == 2
    assert (simulator.open_handles(), simulator.unfreed_blocks()) == (0, 0)


@pytest.mark.parametrize("max_undecoded", [0, 1000])
def test_a_fault_while_reading_leaves_nothing_open(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, max_undecoded: int
) -> None:
    """A regression: the traceback kept the generator, and so its handle, alive."""
    simulator.populate(50)

    def fail(context: SaContext, *_: object) -> bytes:
        raise RuntimeError(f"cannot encode {context.sa_context_id}")

    with Engine(library) as engine:
        with monkeypatch.context() as patch:
            patch.setattr("app.resources.sa_contexts.kind.encode_sa_context", fail)
            reader = EngineReader(
                engine, SaContextKind(no_aliases), page_size=10, max_undecoded=max_undecoded
            )
            with pytest.raises(RuntimeError) as caught:
                reader.read_all(begin, not_announced)
            assert caught.value.__traceback__ is not None
            assert simulator.open_enumerations() == 0
            assert simulator.unfreed_blocks() == 0
        assert len(reader.read_all(begin, not_announced)[0].snapshot.ids) == 50


@pytest.mark.parametrize("max_undecoded", [0, 1000])
def test_objects_whose_json_exceeds_the_maximum_are_an_error_and_freed(
    library: Library, simulator: Simulator, max_undecoded: int
) -> None:
    simulator.populate(50)

    with Engine(library) as engine:
        kind = SaContextKind(no_aliases)
        build, _ = EngineReader(engine, kind).read_all(begin, not_announced)
        blocks = build.snapshot.blocks
        size = sum(len(blocks[position]) for position in range(len(blocks)))
        reader = partial(EngineReader, engine, kind, page_size=10, max_undecoded=max_undecoded)
        reader(max_bytes=size).read_all(begin, not_announced)
        with pytest.raises(EnumerationTooLarge, match="IPsecSaContextEnum1 gave more than"):
            reader(max_bytes=size // 2).read_all(begin, not_announced)

    assert (simulator.open_handles(), simulator.unfreed_blocks()) == (0, 0)


def test_an_engine_that_dies_in_the_middle_is_read_from_the_start(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(500)
    bases: list[Basis] = []

    def begin_again(basis: Basis) -> SnapshotBuilder:
        bases.append(basis)
        return begin(basis)

    with Engine(library) as engine:
        reader = EngineReader(engine, SaContextKind(no_aliases), page_size=10)
        reader.read_all(begin, not_announced)
        simulator.fail("IPsecSaContextEnum1", 1726, after=20)
        version = reader.read_all(begin_again, not_announced)[0].snapshot

    assert list(version.ids) == simulator.ids()
    assert [basis.incarnation for basis in bases] == [1, 2]
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
