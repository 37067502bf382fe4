"""Subscriptions: changes are reported from any thread, without leaks."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.decode import decode_sa_context
from bindings.engine import Engine
from bindings.enums import SaContextEvent
from bindings.errors import (
    AccessDenied,
    EngineError,
    EngineGone,
    NotFound,
    NotSupported,
    TransactionTimeout,
)
from bindings.fingerprints import fingerprint
from bindings.library import REQUIRED, Library
from bindings.session import Session
from bindings.subscriptions import Subscription, open_subscriptions, subscribe_to_sa_contexts
from bindings.template import SubnetTemplate
from tests.bindings.test_enumeration import CODES, assert_nothing_is_left
from tests.bindings.test_library import compile_library
from tests.conftest import SIMULATOR_PATH


ADD, DELETE = SaContextEvent.ADD, SaContextEvent.DELETE
PATIENCE = 20
"""Timeout for what should happen at once."""
MIN_SESSIONS, MAX_SESSIONS = 400, 4000
"""Under AddressSanitizer on a busy machine, 400 short sessions may end before any notification."""

Received = list[tuple[int, int]]


@pytest.fixture
def session(library: Library, simulator: Simulator) -> Iterator[Session]:
    with Session(library) as session:
        yield session
    assert_nothing_is_left(simulator)
    assert open_subscriptions() == []


@pytest.fixture
def received() -> Received:
    return []


def subscribe(session: Session, received: Received) -> Subscription:
    return subscribe_to_sa_contexts(session, lambda *change: received.append(change))


def put(simulator: Simulator, sa_context_id: int = 0) -> int:
    tree = ffi.new("IPSEC_SA_CONTEXT1 *", {"saContextId": sa_context_id})
    return simulator.put(int(ffi.cast("uintptr_t", tree)))


def replay(ids: set[int], received: Received) -> set[int]:
    """Apply changes, each of which must be possible, and return the remaining ids."""
    for change, sa_context_id in received:
        assert (sa_context_id in ids) == (change == DELETE)
        ids ^= {sa_context_id}
    return ids


def test_each_kind_of_change_is_reported_in_its_order(
    session: Session, simulator: Simulator, received: Received
) -> None:
    with subscribe(session, received):
        first, second = put(simulator), put(simulator, 2**64 - 1)
        put(simulator, first)  # a modification
        simulator.delete(second)
        simulator.populate(2)
        assert simulator.flush()
        before = set(simulator.ids())
        churned = len(received)
        simulator.churn(500)
        assert simulator.flush()

    assert received[:4] == [(ADD, first), (ADD, second), (DELETE, second), (DELETE, first)]
    assert replay(before, received[churned:]) == set(simulator.ids())
    assert all(type(change) is SaContextEvent for change, _ in received)


def test_a_change_without_a_name_is_reported_as_its_number(
    session: Session, simulator: Simulator, received: Received
) -> None:
    with subscribe(session, received):
        for change in (0, 3, 2**32 - 1):
            simulator.announce(change, change)
        assert simulator.flush()

    assert received == [(0, 0), (3, 3), (2**32 - 1, 2**32 - 1)]
    assert not any(isinstance(change, SaContextEvent) for change, _ in received)


def test_a_template_selects(session: Session, simulator: Simulator, received: Received) -> None:
    template = SubnetTemplate(remote=ip_network("10.0.0.0/8"))
    everything: Received = []
    with (
        subscribe_to_sa_contexts(session, lambda *change: received.append(change), template),
        subscribe_to_sa_contexts(
            session, lambda *change: everything.append(change), SubnetTemplate()
        ),
    ):
        simulator.populate(300)
        assert simulator.flush()
    with Engine(session.library) as engine:
        expected = [c.sa_context_id for page in engine.pages(template) for c in page]

    assert received == [(ADD, sa_context_id) for sa_context_id in expected]
    assert [sa_context_id for _, sa_context_id in everything] == simulator.ids()
    assert 0 < len(received) < 300


def test_foreign_threads_may_notify_at_once(session: Session, simulator: Simulator) -> None:
    everybody = threading.Barrier(4)
    threads: set[int] = set()

    def notify(_change: int, _sa_context_id: int) -> None:
        everybody.wait(PATIENCE)
        threads.add(threading.get_native_id())

    simulator.deliver_from(4)
    with subscribe_to_sa_contexts(session, notify):
        for _ in range(8):
            put(simulator)
        assert simulator.flush()

    assert len(threads) == 4
    assert threading.get_native_id() not in threads


def test_closing_waits_for_a_running_callback(session: Session, simulator: Simulator) -> None:
    entered, may_return = threading.Event(), threading.Event()
    order: list[str] = []

    def notify(_change: int, _sa_context_id: int) -> None:
        entered.set()
        may_return.wait(PATIENCE)
        order.append("received")

    def close() -> None:
        subscription.close()
        order.append("closed")

    subscription = subscribe_to_sa_contexts(session, notify)
    put(simulator)
    put(simulator)
    assert entered.wait(PATIENCE)
    closing = threading.Thread(target=close)
    closing.start()
    while simulator.open_subscriptions():  # until it is in the call
        pass
    may_return.set()
    closing.join(PATIENCE)

    assert order == ["received", "closed"]
    subscription.close()


def test_a_callback_cannot_close_its_subscription(session: Session, simulator: Simulator) -> None:
    raised: list[Exception] = []

    def notify(_change: int, _sa_context_id: int) -> None:
        try:
            subscription.close()
        except RuntimeError as error:
            raised.append(error)

    subscription = subscribe_to_sa_contexts(session, notify)
    put(simulator)
    put(simulator)
    assert simulator.flush()
    assert len(raised) == 2  # it goes on
    subscription.close()


def test_what_a_callback_raises_is_logged_and_no_more(
    session: Session,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def notify(_change: int, sa_context_id: int) -> None:
        raise LookupError(sa_context_id)

    with caplog.at_level(logging.ERROR, "bindings"), subscribe_to_sa_contexts(session, notify):
        first, second = put(simulator), put(simulator)
        assert simulator.flush()

    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [str(error) for error in errors] == [str(first), str(second)]
    assert all(isinstance(error, LookupError) for error in errors)
    assert "From cffi callback" not in capfd.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
def test_a_callback_that_comes_too_late_finds_nobody(tmp_path: Path, received: Received) -> None:
    """As if the engine rejected the unsubscription, and still called back."""
    path = compile_library(
        tmp_path,
        "".join(f"int {name}(void) {{ return 0; }}" for name in REQUIRED)
        + """
        struct change { int type; unsigned long long id; };
        static void (*callbacks[2])(void *, const struct change *);
        static void *contexts[2];
        static int count;
        int IPsecSaContextSubscribe0(void *engine, const void *what,
                                     void (*callback)(void *, const struct change *),
                                     void *context, void **handle)
        {
            callbacks[count] = callback;
            contexts[count] = context;
            *handle = &contexts[count++];
            return 0;
        }
        int IPsecSaContextUnsubscribe0(void *engine, void *handle) { return 1722; }
        void call_back(int which)
        {
            struct change change = {1, which};
            callbacks[which](contexts[which], &change);
        }
        """,
    )
    call_back = ctypes.CDLL(str(path)).call_back
    with Session(Library(path)) as session:
        subscription = subscribe(session, received)
        call_back(0)
        with pytest.raises(EngineGone):
            subscription.close()
        del subscription
        gc.collect()

        call_back(0)
        later = subscribe(session, received)
        call_back(0)
        call_back(1)
        with pytest.raises(EngineGone):
            later.close()

    assert received == [(ADD, 0), (ADD, 1)]


def test_one_that_nobody_keeps_lives_until_its_session_ends(
    library: Library, simulator: Simulator, received: Received
) -> None:
    with Session(library) as session:
        subscribe(session, received)
        gc.collect()
        sa_context_id = put(simulator)
        assert simulator.flush()
    put(simulator)
    assert simulator.flush()

    assert received == [(ADD, sa_context_id)]
    assert_nothing_is_left(simulator)
    (left,) = open_subscriptions()
    left.close()
    assert simulator.calls("IPsecSaContextUnsubscribe0") == 0


@pytest.mark.parametrize("code", [5, 1722, 1745, 0x80320012])
def test_a_rejection_is_reported_and_leaves_nothing(
    session: Session, simulator: Simulator, received: Received, code: int
) -> None:
    simulator.fail("IPsecSaContextSubscribe0", code)
    with pytest.raises(EngineError) as caught:
        subscribe(session, received)
    assert (caught.value.code, caught.value.function) == (code, "IPsecSaContextSubscribe0")

    subscription = subscribe(session, received)
    simulator.fail("IPsecSaContextUnsubscribe0", code)
    with pytest.raises(EngineError):
        subscription.close()
    subscription.close()
    put(simulator)
    assert simulator.flush()

    assert received == []


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
def test_an_older_windows_is_reported(tmp_path: Path, received: Received) -> None:
    path = compile_library(
        tmp_path, "".join(f"int {name}(void) {{ return 0; }}" for name in REQUIRED)
    )
    with Session(Library(path)) as session, pytest.raises(NotSupported) as caught:
        subscribe(session, received)

    assert caught.value.function == "IPsecSaContextSubscribe0"
    assert open_subscriptions() == []


# ---- what an engine does with it ----


@pytest.fixture
def engine(library: Library, simulator: Simulator, received: Received) -> Iterator[Engine]:
    with Engine(library, on_change=lambda *change: received.append(change)) as engine:
        yield engine
    assert_nothing_is_left(simulator)
    assert open_subscriptions() == []


def test_an_engine_subscribes_with_its_session(
    engine: Engine, simulator: Simulator, received: Received
) -> None:
    states = [engine.is_subscribed]
    engine.pages()
    states.append(engine.is_subscribed)
    assert engine.subscription_error is None
    sa_context_id = put(simulator)
    assert simulator.flush()
    engine.pages()

    assert received == [(ADD, sa_context_id)]
    assert (simulator.open_handles(), simulator.calls("IPsecSaContextSubscribe0")) == (2, 1)
    engine.close()
    states.append(engine.is_subscribed)
    assert states == [False, True, False]
    assert simulator.calls("IPsecSaContextUnsubscribe0") == 1


def test_an_engine_without_a_listener_does_not_subscribe(
    library: Library, simulator: Simulator
) -> None:
    with Engine(library) as engine:
        engine.pages()
        assert not engine.is_subscribed

    assert simulator.calls("IPsecSaContextSubscribe0") == 0


def test_it_is_subscribed_before_it_works(
    engine: Engine, simulator: Simulator, received: Received
) -> None:
    """Otherwise, a change between the two would be missed."""
    engine.with_sa_contexts(lambda _contexts: put(simulator))
    assert simulator.flush()

    assert [sa_context_id for _, sa_context_id in received] == simulator.ids()


def test_a_session_that_was_reopened_is_subscribed_anew(
    engine: Engine, simulator: Simulator, received: Received
) -> None:
    simulator.populate(10)
    engine.pages()
    simulator.fail("IPsecSaContextEnum1", 1726)
    engine.pages()

    assert (engine.incarnation, engine.is_subscribed) == (2, True)
    assert (simulator.open_handles(), simulator.calls("IPsecSaContextSubscribe0")) == (2, 2)
    sa_context_id = put(simulator)
    assert simulator.flush()
    assert received == [(ADD, sa_context_id)]


def test_a_restarted_engine_is_subscribed_to_at_the_next_work(
    library: Library, simulator: Simulator
) -> None:
    received: list[tuple[int, int, int]] = []
    with Engine(
        library, on_change=lambda *change: received.append((listening.incarnation, *change))
    ) as listening:
        listening.pages()
        first = put(simulator)
        assert simulator.flush()
        simulator.stop_engine()
        simulator.start_engine()
        put(simulator)
        assert simulator.flush()
        assert received == [(1, ADD, first)]  # it is not notified of the restart

        listening.pages()
        second = put(simulator)
        assert simulator.flush()

    assert received == [(1, ADD, first), (2, ADD, second)]
    assert_nothing_is_left(simulator)


def test_an_engine_works_without_a_subscription_and_tries_again(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(10)
    simulator.fail("IPsecSaContextSubscribe0", 5)
    simulator.fail("IPsecSaContextSubscribe0", 0x80320012)

    for expected in (AccessDenied, TransactionTimeout, type(None)):
        assert [len(page) for page in engine.pages()] == [10]
        assert type(engine.subscription_error) is expected
        assert engine.is_subscribed == (expected is type(None))
    assert engine.incarnation == 1


def test_what_is_not_supported_is_asked_for_once_a_session(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.fail("IPsecSaContextSubscribe0", 1745, times=0)
    for _ in range(3):
        engine.pages()
    assert isinstance(engine.subscription_error, NotSupported)
    assert simulator.calls("IPsecSaContextSubscribe0") == 1

    engine.close()
    engine.pages()
    assert simulator.calls("IPsecSaContextSubscribe0") == 2


def test_a_context_is_read_plain_by_its_id(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(20)
    plain = engine.with_sa_contexts(
        lambda contexts: [
            array.read(index) for array in contexts.arrays() for index in range(len(array))
        ]
    )
    for context in plain:
        one = engine.read(context[0])
        assert one == context
        assert fingerprint(one) == fingerprint(context)
        assert decode_sa_context(one) == engine.get(context[0])
    with pytest.raises(NotFound):
        engine.read(2**64 - 1)


# ---- nothing is left ----


@pytest.mark.skipif(sys.platform != "linux", reason="counts the threads of Linux")
def test_nothing_is_left_of_many_subscriptions_under_churn_and_failures(
    library: Library, simulator: Simulator, received: Received
) -> None:
    def threads() -> set[str]:
        return {path.name for path in Path("/proc/self/task").iterdir()}

    before = threads()
    simulator.populate(100)
    simulator.start_churn(50_000)
    made = 0
    for number in range(MAX_SESSIONS):
        if number >= MIN_SESSIONS and received:
            break
        simulator.fail_randomly(100_000 if number % 2 else 0, number)
        simulator.deliver_from(1 + number % 3)
        with suppress(EngineError), Session(library) as session:
            for _ in range(3):
                subscribe(session, received)
                made += 1
            simulator.churn(10)
            for each in open_subscriptions()[number % 4 :]:
                with suppress(EngineError):
                    each.close()
        for each in open_subscriptions():  # what was rejected, or ended with the session
            each.close()
    simulator.stop_churn()
    assert simulator.flush()

    assert_nothing_is_left(simulator)
    assert open_subscriptions() == []
    assert made > 800
    assert received
    simulator.reset()
    assert threads() <= before


class Listening(RuleBasedStateMachine):
    """An engine that listens, under any order of work, change, loss and failure."""

    def __init__(self) -> None:
        super().__init__()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.simulator.populate(30)
        self.is_running = True
        self.received: Received = []
        self.known: set[int] | None = None  # the contexts of the last enumeration
        self.incarnation = 0
        self.engine = Engine(
            Library(SIMULATOR_PATH), on_change=lambda *change: self.received.append(change)
        )

    @rule(changes=st.integers(1, 20))
    def churn(self, changes: int) -> None:
        self.simulator.churn(changes)

    @rule(count=st.integers(0, 40), seed=st.integers(0, 1000))
    @precondition(lambda self: self.is_running)
    def populate(self, count: int, seed: int) -> None:
        self.simulator.populate(count, seed)

    @rule(times=st.integers(1, 3))
    def lose(self, times: int) -> None:
        self.simulator.lose(times)
        self.known = None

    @rule(
        function=st.sampled_from(
            ("IPsecSaContextSubscribe0", "IPsecSaContextUnsubscribe0", "IPsecSaContextEnum1", "*")
        ),
        code=st.sampled_from(CODES),
        after=st.integers(0, 6),
        times=st.integers(0, 4),
    )
    def fail(self, function: str, code: int, after: int, times: int) -> None:
        self.simulator.fail(function, code, after=after, times=times)

    @rule()
    def heal(self) -> None:
        self.simulator.clear_failures()
        self.simulator.lose(0)

    @rule(milliseconds=st.integers(0, 2))
    def delay(self, milliseconds: int) -> None:
        self.simulator.delay_notifications(milliseconds)

    @rule()
    @precondition(lambda self: self.is_running)
    def stop(self) -> None:
        self.simulator.stop_engine()
        self.is_running = False

    @rule()
    @precondition(lambda self: not self.is_running)
    def start(self) -> None:
        self.simulator.start_engine()
        self.is_running = True
        self.known = None

    @rule()
    def enumerate_all(self) -> None:
        assert self.simulator.flush()
        self.simulator.lose(0)
        self.received.clear()
        self.known = None
        with suppress(EngineError):
            ids = {c.sa_context_id for page in self.engine.pages() for c in page}
            if self.engine.is_subscribed:
                self.known, self.incarnation = ids, self.engine.incarnation

    @rule()
    def close(self) -> None:
        self.engine.close()
        self.known = None

    @invariant()
    def what_was_reported_is_what_happened(self) -> None:
        assert self.simulator.flush()
        if self.known is not None and self.incarnation == self.engine.incarnation:
            assert replay(set(self.known), self.received) == set(self.simulator.ids())

    @invariant()
    def nothing_is_left(self) -> None:
        assert self.simulator.open_subscriptions() <= self.simulator.open_sessions() <= 1
        assert len(open_subscriptions()) == self.engine.is_subscribed
        assert self.simulator.unfreed_blocks() == 0
        assert self.simulator.misuses() == 0

    def teardown(self) -> None:
        self.engine.close()
        assert_nothing_is_left(self.simulator)
        assert open_subscriptions() == []
        self.simulator.reset()


def test_what_is_reported_is_what_happened_under_failures() -> None:
    run_state_machine_as_test(
        Listening, settings=settings(max_examples=100, stateful_step_count=50, deadline=None)
    )


# ---- the end of the interpreter ----

PREAMBLE = """
import atexit, sys, threading
from pathlib import Path
from sa_contexts_simulator import Simulator

simulator = Simulator(Path(sys.argv[1]))

@atexit.register  # before the bindings' own, and so called after it
def report():
    print(simulator.open_subscriptions(), simulator.misuses(), len(received) > 0)

from bindings.engine import Engine
from bindings.library import Library
from bindings.session import Session
from bindings.subscriptions import subscribe_to_sa_contexts

received = []
some = threading.Event()

def notify(change, sa_context_id):
    received.append((change, sa_context_id))
    if len(received) >= 100:
        some.set()

library = Library(Path(sys.argv[1]))
simulator.populate(1000)
"""

ENDINGS = {
    "an engine that is never closed": """
engine = Engine(library, on_change=notify)
engine.pages()
simulator.start_churn(100_000)
assert some.wait(20)
""",
    "from several threads": """
engine = Engine(library, on_change=notify)
engine.pages()
simulator.deliver_from(8)
simulator.start_churn(100_000)
assert some.wait(20)
sys.exit()
""",
    "an engine in the hands of a thread that does not come back": """
engine = Engine(library, on_change=notify, timeout_seconds=0)
held = threading.Event()

def hold(contexts):
    held.set()
    threading.Event().wait()

threading.Thread(target=engine.with_sa_contexts, args=[hold], daemon=True).start()
assert held.wait(20)
simulator.start_churn(100_000)
assert some.wait(20)
engine.close()
""",
    "an engine that does not take the unsubscribing": """
engine = Engine(library, on_change=notify)
engine.pages()
simulator.start_churn(100_000)
assert some.wait(20)
simulator.fail("IPsecSaContextUnsubscribe0", 1722, times=0)
""",
    "subscriptions that nobody keeps": """
session = Session(library)
for _ in range(10):
    subscribe_to_sa_contexts(session, notify)
simulator.start_churn(20_000)
assert some.wait(20)
del session
""",
}


@pytest.mark.parametrize("ending", list(ENDINGS))
def test_the_interpreter_ends_well_while_changes_are_reported(ending: str) -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", PREAMBLE + ENDINGS[ending], str(SIMULATOR_PATH)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["0", "0", "True"], "")
