"""Reading an enumeration: complete, in order, and leaving nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sa_contexts_simulator import Option, Simulator

from app.encoding.sa_contexts import encode_sa_context, no_alias
from app.repository.assembly import Assembly
from app.repository.drains import DrainAborted
from app.repository.keys import key_of
from app.repository.reading import Reader
from app.repository.versions import Entry, Version
from app.schemas.names import Baseline
from bindings.engine import Engine
from bindings.library import Library
from bindings.records import SaContext
from bindings.sa_contexts import SaContextArray
from tests.repository.states import AT, state_of


def no_aliases() -> Callable[[int], None]:
    return no_alias


def begin(_incarnation: int) -> Assembly:
    return Assembly("e", AT, 0.0)


def not_announced(version: Version) -> None:
    raise AssertionError(f"announced {len(version.ids)} contexts")


@pytest.mark.parametrize("most_unread", [0, 1, 137, 500, 10_000])
@pytest.mark.parametrize("shuffle", [False, True])
def test_that_all_is_read_whatever_is_left_unread_meanwhile(
    library: Library, simulator: Simulator, most_unread: int, shuffle: bool
) -> None:
    simulator.populate(1000, seed=4)
    simulator.set_option(Option.SHUFFLE, shuffle)
    with Engine(library) as engine:
        records = [context for page in engine.pages() for context in page]
        reader = Reader(engine, no_aliases, page_size=37, most_unread=most_unread)

        version = reader.read_all(begin, not_announced).version

    assert list(version.ids) == simulator.ids()
    assert state_of(version) == {
        record.sa_context_id: Entry(
            key_of(record, Baseline.NIST_SP_800_77R1), encode_sa_context(record)
        )
        for record in records
    }
    assert simulator.unfreed_blocks() == 0


def test_that_what_was_decoded_is_freed_meanwhile(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(500)
    unfreed: list[int] = []
    decode = SaContextArray.decode

    def counted(array: SaContextArray, index: int) -> SaContext:
        unfreed.append(simulator.unfreed_blocks())
        return decode(array, index)

    monkeypatch.setattr(SaContextArray, "decode", counted)
    with Engine(library) as engine:
        Reader(engine, no_aliases, page_size=50).read_all(begin, not_announced)

    assert unfreed[0] > unfreed[250] > unfreed[-1] > 0
    assert simulator.unfreed_blocks() == 0


def test_that_a_stop_ends_a_reading_at_its_next_context(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(1000)
    decoded: list[int] = []
    decode = SaContextArray.decode

    def counted(array: SaContextArray, index: int) -> SaContext:
        decoded.append(index)
        if len(decoded) == 2:
            reader.stop()
        return decode(array, index)

    monkeypatch.setattr(SaContextArray, "decode", counted)
    with Engine(library) as engine:
        reader = Reader(engine, no_aliases, page_size=10)
        with pytest.raises(DrainAborted):
            reader.read_all(begin, not_announced)

    assert len(decoded) == 2
    assert (simulator.open_handles(), simulator.unfreed_blocks()) == (0, 0)


@pytest.mark.parametrize("most_unread", [0, 1000])
def test_that_a_fault_while_reading_leaves_nothing_open(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, most_unread: int
) -> None:
    """A failing test first: the generator lived on in the traceback, with its handle."""
    simulator.populate(50)

    def fail(context: SaContext, *_: object) -> bytes:
        raise RuntimeError(f"cannot encode {context.sa_context_id}")

    with Engine(library) as engine:
        with monkeypatch.context() as patch:
            patch.setattr("app.repository.reading.encode_sa_context", fail)
            reader = Reader(engine, no_aliases, page_size=10, most_unread=most_unread)
            with pytest.raises(RuntimeError) as caught:
                reader.read_all(begin, not_announced)
            assert caught.value.__traceback__ is not None
            assert simulator.open_enumerations() == 0
            assert simulator.unfreed_blocks() == 0
        assert len(reader.read_all(begin, not_announced).version.ids) == 50


def test_that_an_engine_that_dies_in_the_middle_is_read_from_the_start(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(500)
    incarnations: list[int] = []

    def begin_again(incarnation: int) -> Assembly:
        incarnations.append(incarnation)
        return begin(incarnation)

    with Engine(library) as engine:
        reader = Reader(engine, no_aliases, page_size=10)
        reader.read_all(begin, not_announced)
        simulator.fail("IPsecSaContextEnum1", 1726, after=20)
        version = reader.read_all(begin_again, not_announced).version

    assert list(version.ids) == simulator.ids()
    assert incarnations == [1, 2]
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
