"""Connections: read correctly and completely, without secrets or leaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sa_contexts_simulator import Option, Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.connections import (
    QUERY_BYTES_TRANSFERRED,
    Connection,
    Connections,
    ConnectionTemplate,
    decode_connection,
    read_connection,
    read_connection_id,
)
from bindings.engine import Engine
from bindings.errors import (
    AccessDenied,
    ConnectionsDisabled,
    EngineError,
    EngineGone,
    NotFound,
    NotSupported,
)
from bindings.fingerprints import fingerprint
from bindings.library import Library
from bindings.session import Session
from tests.conftest import SIMULATOR_PATH

from .connections import V6, AnyConnection, any_connections, second_reading
from .test_enumeration import CODES, assert_nothing_is_left
from .test_library import compile_library
from .test_second_reader import any_tree, differences
from .trees import CANARY


FUNCTIONS = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "FwpmConnectionCreateEnumHandle0",
    "FwpmConnectionEnum0",
    "FwpmConnectionDestroyEnumHandle0",
    "FwpmConnectionGetById0",
)


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine
    assert_nothing_is_left(simulator)


def all_of(engine: Engine, size: int = 100) -> list[Connection]:
    def work(connections: Connections) -> list[Connection]:
        return [each for page in connections.pages(size=size) for each in page]

    return engine.with_connections(work)


def one_of(engine: Engine, connection_id: int, *, is_counted: bool = True) -> Connection:
    if is_counted:
        return engine.with_connections(lambda connections: connections.get(connection_id))
    return engine.with_connections(lambda connections: connections.look_up(connection_id))


def decoded(address: int, order: Ipv6Order = Ipv6Order.NETWORK) -> Connection:
    return decode_connection(read_connection(address, 0, order))


# ---- reading ----


@any_tree
@given(any_connections())
def test_both_readers_agree_on_any_connection(connection: AnyConnection) -> None:
    second = second_reading(connection.address)

    assert differences(decoded(connection.address), second, "connection") == []
    assert read_connection_id(connection.address) == second.connection_id


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_both_readers_agree_on_what_the_engine_gives(
    library: Library, simulator: Simulator, seed: int
) -> None:
    simulator.populate(500, seed)
    simulator.churn(250)
    seen = []
    with Session(library) as session:
        arrays = Connections(session).arrays(size=30)
        with closing(arrays):
            for array in arrays:
                with array:
                    for index, address in enumerate(array._addresses):  # noqa: SLF001
                        second = second_reading(address)
                        assert differences(array.decode(index), second, "connection") == []
                        seen.append(second)
                    assert array.ids() == [each.connection_id for each in seen[-len(array) :]]

    assert [each.connection_id for each in seen] == simulator.connections()
    assert len(seen) > 150
    assert any(each.bytes_transferred_total for each in seen)


@any_tree
@given(any_connections())
def test_a_reversed_order_turns_ipv6_addresses_and_nothing_else(
    connection: AnyConnection,
) -> None:
    first = decoded(connection.address)
    turned = decoded(connection.address, Ipv6Order.REVERSED)

    if first.ip_version == V6:
        assert first.local_address is not None
        assert first.remote_address is not None
        first = first._replace(
            local_address=first.local_address[::-1], remote_address=first.remote_address[::-1]
        )
    assert turned == first


@any_tree
@given(any_connections(), st.data())
def test_equal_records_have_one_mark_and_others_another(
    connection: AnyConnection, data: st.DataObject
) -> None:
    """The fingerprint is of the plain copy: it changes as a connection transfers bytes."""
    memory = ffi.buffer(connection.struct)
    record = second_reading(connection.address)
    mark = fingerprint(read_connection(connection.address, 0, Ipv6Order.NETWORK))
    numbers = [*range(8), *range(12, 44), *range(44, 48), *range(56, 92), *range(128, 160)]
    at = data.draw(st.sampled_from(numbers))
    memory[at] = bytes((memory[at][0] ^ data.draw(st.integers(1, 255)),))

    other = fingerprint(read_connection(connection.address, 0, Ipv6Order.NETWORK))
    assert (other == mark) == (second_reading(connection.address) == record)


def test_no_secret_is_read(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(1000)
    everything = all_of(engine)
    with_key = [
        peer
        for each in everything
        for peer in (each.mm_peer, each.em_peer)
        if peer.authentication_method_type == 0
    ]

    assert len(with_key) > 5
    assert {(peer.certificate, peer.principal_name) for peer in with_key} == {(None, None)}
    text = repr(everything)
    for secret in (CANARY.decode(), CANARY.hex(), str(0x4352414E41525921), "CANARY"):
        assert secret not in text


def test_the_flag_is_microsofts(library: Library) -> None:
    flag = library.lib.FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED

    assert flag == QUERY_BYTES_TRANSFERRED


# ---- enumerating ----


@settings(max_examples=40)
@given(
    count=st.integers(0, 80),
    size=st.integers(1, 50),
    seed=st.integers(0, 2**64 - 1),
    empty_block=st.booleans(),
    shuffle=st.booleans(),
)
def test_pages_give_every_connection_once(
    library: Library,
    simulator: Simulator,
    count: int,
    size: int,
    seed: int,
    empty_block: bool,
    shuffle: bool,
) -> None:
    simulator.reset()
    simulator.populate(count, seed)
    simulator.set_option(Option.EMPTY_BLOCK, empty_block)
    simulator.set_option(Option.SHUFFLE, shuffle)

    with Engine(library) as engine:
        pages = engine.with_connections(lambda connections: list(connections.pages(size=size)))

    assert sorted(c.connection_id for page in pages for c in page) == simulator.connections()
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert len(pages[-1]) < size
    assert_nothing_is_left(simulator)


def test_bytes_are_those_of_now(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(30)
    one, other = simulator.connections()[:2]
    for counts in ((3, 4), (2**64 - 1, 7), (0, 0)):
        simulator.set_connection_bytes(one, *counts)
        simulator.set_connection_bytes(other, *counts)
        expected = (*counts, sum(counts) % 2**64)
        by_id = {each.connection_id: each for each in all_of(engine)}
        alone = one_of(engine, other)

        for each in (by_id[one], by_id[other], alone):
            assert counts_of(each) == expected
        assert alone == by_id[other]


def counts_of(connection: Connection) -> tuple[int, int, int]:
    return (
        connection.bytes_transferred_in,
        connection.bytes_transferred_out,
        connection.bytes_transferred_total,
    )


def test_bytes_can_be_left_uncounted(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(30)
    one = simulator.connections()[0]
    simulator.set_connection_bytes(one, 5, 6)
    template = ConnectionTemplate(counts_bytes=False)

    def uncounted(connections: Connections) -> set[tuple[int, int, int]]:
        return {counts_of(each) for page in connections.pages(template) for each in page}

    assert engine.with_connections(uncounted) == {(0, 0, 0)}
    assert counts_of(one_of(engine, one, is_counted=False)) == (0, 0, 0)
    assert counts_of(one_of(engine, one)) == (5, 6, 11)
    assert counts_of(one_of(engine, one, is_counted=False)) == (5, 6, 11)


def test_an_engine_that_takes_0_for_an_id_is_listed_with_all_bytes(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(30)
    ids = simulator.connections()
    for number, connection_id in enumerate(ids, 1):
        simulator.set_connection_bytes(connection_id, number, 0)
    simulator.set_option(Option.ZERO_MATCHES_NONE)

    found = all_of(engine, size=3)

    assert [(each.connection_id, each.bytes_transferred_in) for each in found] == [
        (connection_id, number) for number, connection_id in enumerate(ids, 1)
    ]
    simulator.populate(0)
    assert all_of(engine) == []


@pytest.mark.parametrize("unknown", [0, 1, 2**64 - 1])
def test_an_unknown_id_is_reported(engine: Engine, simulator: Simulator, unknown: int) -> None:
    simulator.populate(30)

    for is_counted in (False, True):
        with pytest.raises(NotFound):
            one_of(engine, unknown, is_counted=is_counted)


def test_an_iteration_left_early_leaves_nothing(library: Library, simulator: Simulator) -> None:
    simulator.populate(50)
    with Session(library) as session:
        arrays = Connections(session).arrays(size=5)
        array = next(arrays)
        assert (simulator.unfreed_blocks(), simulator.open_enumerations()) == (1, 1)
        arrays.close()
        array.free()
        with pytest.raises(IndexError):
            array.read(0)
    assert_nothing_is_left(simulator)


def test_an_empty_page_cannot_be_asked_for(engine: Engine) -> None:
    with pytest.raises(ValueError, match="at least one"):
        engine.with_connections(lambda connections: list(connections.pages(size=0)))


# ---- what an engine may lack ----


def test_an_engine_without_monitoring_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(30)
    one = simulator.connections()[0]
    simulator.monitor_connections(is_on=False)
    for read in (
        lambda connections: list(connections.pages()),
        lambda connections: connections.get(one),
        lambda connections: connections.look_up(one),
    ):
        with pytest.raises(ConnectionsDisabled) as caught:
            engine.with_connections(read)
        assert caught.value.name == "FWP_E_CONNECTIONS_DISABLED"

    simulator.set_option(Option.UNMONITORED_IS_EMPTY)
    assert all_of(engine) == []
    with pytest.raises(NotFound):
        one_of(engine, one)


def test_an_older_engine_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(3)
    simulator.fail("FwpmConnectionCreateEnumHandle0", 1745, times=0)

    with pytest.raises(NotSupported):
        all_of(engine)


OLD_LIBRARY = """
#include <stddef.h>
unsigned FwpmEngineOpen0(void *a, unsigned b, void *c, void *d, void **handle) {
    *handle = handle;
    return 0;
}
unsigned FwpmEngineClose0(void *handle) { return 0; }
void FwpmFreeMemory0(void **p) {}
unsigned IPsecSaContextCreateEnumHandle0(void) { return 0; }
unsigned IPsecSaContextEnum0(void) { return 0; }
unsigned IPsecSaContextDestroyEnumHandle0(void) { return 0; }
unsigned IPsecSaContextGetById0(void) { return 0; }
"""


@pytest.mark.skipif(SIMULATOR_PATH.suffix == ".dll", reason="there is no compiler under Wine")
def test_a_library_without_connections_is_reported(tmp_path: Path) -> None:
    reads: list[Any] = [
        lambda connections: list(connections.pages()),
        lambda connections: connections.get(1),
        lambda connections: connections.look_up(1),
    ]
    with Engine(Library(compile_library(tmp_path, OLD_LIBRARY))) as engine:
        for read in reads:
            with pytest.raises(NotSupported) as caught:
                engine.with_connections(read)
            assert caught.value.function.startswith("FwpmConnection")


# ---- failures ----


@pytest.mark.parametrize(("function", "code"), list(product(FUNCTIONS, CODES)))
def test_nothing_is_left_when_any_call_fails_in_any_way(
    library: Library, simulator: Simulator, function: str, code: int
) -> None:
    simulator.populate(50)
    for after in range(4):
        simulator.clear_failures()
        simulator.fail(function, code, after=after, times=3)
        with suppress(EngineError), Engine(library) as engine:
            assert [c.connection_id for c in all_of(engine, size=9)] == simulator.connections()
            one = simulator.connections()[0]
            assert one_of(engine, one).connection_id == one
            one_of(engine, one, is_counted=False)
        assert_nothing_is_left(simulator)


def test_a_rejection_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.fail("FwpmConnectionCreateEnumHandle0", 5)
    with pytest.raises(AccessDenied):
        all_of(engine)


def test_a_dead_session_is_reopened_once(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(100)
    all_of(engine)
    simulator.fail("FwpmConnectionEnum0", 1726, after=1)

    assert [c.connection_id for c in all_of(engine, size=10)] == simulator.connections()
    assert engine.incarnation == 2
    simulator.stop_engine()
    with pytest.raises(EngineGone):
        all_of(engine)


class Failures(RuleBasedStateMachine):
    """Connections under any order of work, change and failure."""

    def __init__(self) -> None:
        super().__init__()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.simulator.populate(30)
        self.is_running = True
        self.engine = Engine(Library(SIMULATOR_PATH))

    @rule(changes=st.integers(1, 50))
    def churn(self, changes: int) -> None:
        self.simulator.churn(changes)

    @rule(
        function=st.sampled_from(FUNCTIONS),
        code=st.sampled_from(CODES),
        after=st.integers(0, 6),
        times=st.integers(0, 4),
    )
    def fail(self, function: str, code: int, after: int, times: int) -> None:
        self.simulator.fail(function, code, after=after, times=times)

    @rule()
    def heal(self) -> None:
        self.simulator.clear_failures()

    @rule(option=st.sampled_from(Option), value=st.booleans(), is_on=st.booleans())
    def decide(self, option: Option, value: bool, is_on: bool) -> None:
        self.simulator.set_option(option, value)
        self.simulator.monitor_connections(is_on)

    @rule()
    def restart(self) -> None:
        self.simulator.stop_engine()
        self.simulator.start_engine()

    @rule(size=st.integers(1, 50))
    def enumerate_all(self, size: int) -> None:
        with suppress(EngineError):
            ids = sorted(each.connection_id for each in all_of(self.engine, size=size))
            assert ids in ([], self.simulator.connections())

    @rule(known=st.booleans())
    def get_one(self, known: bool) -> None:
        ids = self.simulator.connections()
        one = ids[0] if known and ids else 2**63
        with suppress(EngineError):
            assert one_of(self.engine, one).connection_id == one

    @rule()
    def leave_early(self) -> None:
        def begin(connections: Connections) -> None:
            with closing(connections.arrays(size=1)) as arrays, next(arrays):
                pass

        with suppress(EngineError):
            self.engine.with_connections(begin)

    @invariant()
    def nothing_is_left(self) -> None:
        assert self.simulator.open_handles() <= 1  # the session
        assert self.simulator.unfreed_blocks() == 0
        assert self.simulator.misuses() == 0

    def teardown(self) -> None:
        self.engine.close()
        assert_nothing_is_left(self.simulator)
        self.simulator.reset()


def test_nothing_is_left_after_any_order_of_work_and_failures() -> None:
    run_state_machine_as_test(
        Failures, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
