"""Notifications of connections: copied in the callback, without leaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.connection_events import subscribe_to_connections
from bindings.connections import Connections, ConnectionTemplate, decode_connection
from bindings.enums import ConnectionEvent
from bindings.errors import AccessDenied, ConnectionsDisabled, EngineGone, NotSupported
from bindings.library import REQUIRED, Library
from bindings.memory import RawTree
from bindings.session import Session
from bindings.subscriptions import Subscription, open_subscriptions
from tests.conftest import SIMULATOR_PATH

from .test_enumeration import assert_nothing_is_left
from .test_library import compile_library
from .trees import CANARY


PATIENCE = 20
"""Timeout for what should happen at once."""

ADD, DELETE = ConnectionEvent.ADD, ConnectionEvent.DELETE

Received = list[tuple[int, RawTree]]


@pytest.fixture
def session(library: Library, simulator: Simulator) -> Iterator[Session]:
    with Session(library) as session:
        yield session
    assert_nothing_is_left(simulator)
    assert open_subscriptions() == []


@pytest.fixture
def received() -> Received:
    return []


def subscribe(session: Session, received: Received, connection_id: int = 0) -> Subscription:
    return subscribe_to_connections(session, lambda *event: received.append(event), connection_id)


def ids_of(received: Received) -> list[tuple[int, int]]:
    return [(event, decode_connection(plain).connection_id) for event, plain in received]


def test_what_begins_and_ends_is_reported_as_the_enumeration_shows_it(
    session: Session, simulator: Simulator, received: Received
) -> None:
    simulator.populate(60, seed=2)
    ids = set(simulator.connections())
    with subscribe(session, received):
        simulator.churn(1500)
        assert simulator.flush()
    uncounted = ConnectionTemplate(counts_bytes=False)
    there = {
        each.connection_id: each for page in Connections(session).pages(uncounted) for each in page
    }

    seen = 0
    for event, plain in received:
        record = decode_connection(plain)
        assert type(event) is ConnectionEvent
        assert (record.connection_id in ids) == (event == DELETE)
        ids ^= {record.connection_id}
        if event == ADD and record.connection_id in there:
            assert record == there[record.connection_id]
            seen += 1
    assert ids == set(there) == set(simulator.connections())
    assert seen > 10


def test_a_copy_outlives_the_callback(
    session: Session, simulator: Simulator, received: Received
) -> None:
    """The engine's memory is poisoned when the callback returns."""
    with subscribe(session, received):
        simulator.populate(50)
        assert simulator.flush()

    records = [decode_connection(plain) for _, plain in received]
    assert len(records) > 15
    assert 0xDDDDDDDD not in {each.mm_crypto.cipher for each in records}
    names = [name for each in records if (name := each.mm_peer.principal_name)]
    assert names
    assert all(name.startswith("host/") for name in names)


def test_no_secret_is_copied(session: Session, simulator: Simulator, received: Received) -> None:
    with subscribe(session, received):
        simulator.populate(600)
        assert simulator.flush()

    methods = [decode_connection(plain).mm_peer.authentication_method_type for _, plain in received]
    assert 0 in methods  # preshared keys
    assert CANARY.decode() not in repr(received)


def test_one_connection_can_be_chosen(
    session: Session, simulator: Simulator, received: Received
) -> None:
    simulator.populate(30)
    one = simulator.connections()[2]
    with subscribe(session, received, one):
        simulator.populate(0)
        assert simulator.flush()

    assert ids_of(received) == [(DELETE, one)]


def put_between(simulator: Simulator, local: int, remote: int) -> None:
    """Put a complete SA context between two IPv4 addresses, in transport mode."""
    details = ffi.new("IPSEC_SA_DETAILS1 *")
    details.traffic.localV4Address, details.traffic.remoteV4Address = local, remote
    tree = ffi.new("IPSEC_SA_CONTEXT1 *", {"inboundSa": details, "outboundSa": details})
    simulator.put(int(ffi.cast("uintptr_t", tree)))


def test_foreign_threads_may_notify_at_once(session: Session, simulator: Simulator) -> None:
    everybody = threading.Barrier(4)
    threads: set[int] = set()
    addresses: set[bytes | None] = set()

    def notify(_event: int, plain: RawTree) -> None:
        everybody.wait(PATIENCE)
        threads.add(threading.get_native_id())
        addresses.add(decode_connection(plain).remote_address)

    simulator.deliver_from(4)
    with subscribe_to_connections(session, notify):
        for number in range(8):
            put_between(simulator, 0x0A000001, number)
        assert simulator.flush()

    assert len(threads) == 4
    assert threading.get_native_id() not in threads
    assert addresses == {number.to_bytes(4, "big") for number in range(8)}


def test_nothing_is_reported_after_the_end(
    session: Session, simulator: Simulator, received: Received
) -> None:
    with subscribe(session, received):
        pass
    simulator.populate(30)
    assert simulator.flush()

    assert received == []
    assert simulator.open_subscriptions() == 0


def test_an_engine_that_keeps_no_track_is_reported(
    session: Session, simulator: Simulator, received: Received
) -> None:
    simulator.monitor_connections(is_on=False)

    with pytest.raises(ConnectionsDisabled):
        subscribe(session, received)


@pytest.mark.parametrize(
    ("code", "error"), [(5, AccessDenied), (1722, EngineGone), (1745, NotSupported)]
)
def test_a_rejection_is_reported(
    session: Session, simulator: Simulator, received: Received, code: int, error: type[Exception]
) -> None:
    simulator.fail("FwpmConnectionSubscribe0", code)
    with pytest.raises(error):
        subscribe(session, received)
    assert simulator.open_subscriptions() == 0


def test_a_failing_end_leaves_nothing(
    session: Session, simulator: Simulator, received: Received
) -> None:
    subscription = subscribe(session, received)
    simulator.fail("FwpmConnectionUnsubscribe0", 1726)
    with pytest.raises(EngineGone):
        subscription.close()
    subscription.close()


@pytest.mark.skipif(SIMULATOR_PATH.suffix == ".dll", reason="there is no compiler under Wine")
def test_a_library_without_the_functions_is_reported(tmp_path: Path, received: Received) -> None:
    source = "".join(f"int {name}(void) {{ return 0; }}" for name in REQUIRED)
    with (
        Session(Library(compile_library(tmp_path, source))) as session,
        pytest.raises(NotSupported) as caught,
    ):
        subscribe(session, received)

    assert caught.value.function == "FwpmConnectionSubscribe0"
