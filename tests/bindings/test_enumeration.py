"""Enumerations: complete, and leaving nothing behind, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sa_contexts_simulator import Option, Simulator

from bindings.addresses import Ipv6Order
from bindings.engine import Engine
from bindings.errors import (
    EngineBusy,
    EngineError,
    EngineGone,
    NeverMatch,
    NotFound,
    NotSupported,
)
from bindings.library import Library
from bindings.sa_contexts import SaContexts
from bindings.session import Session
from bindings.template import SubnetTemplate
from tests.conftest import SIMULATOR_PATH


FUNCTIONS = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "IPsecSaContextCreateEnumHandle0",
    "IPsecSaContextEnum1",
    "IPsecSaContextDestroyEnumHandle0",
    "IPsecSaContextGetById1",
)
CODES = (5, 6, 8, 1722, 1726, 1745, 1753, 1778, 0x80010108, 0x80320008, 0x80320010, 0x80320012, 1)


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine
    assert_nothing_is_left(simulator)


def assert_nothing_is_left(simulator: Simulator) -> None:
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def ids_of(engine: Engine, template: SubnetTemplate | None = None, size: int = 100) -> list[int]:
    return [context.sa_context_id for page in engine.pages(template, size) for context in page]


@settings(max_examples=60)
@given(
    count=st.integers(0, 60),
    size=st.integers(1, 70),
    seed=st.integers(0, 2**64 - 1),
    empty_block=st.booleans(),
    shuffle=st.booleans(),
)
def test_pages_give_every_context_once(
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
        pages = list(engine.pages(size=size))

    assert sorted(c.sa_context_id for page in pages for c in page) == simulator.ids()
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert len(pages[-1]) < size
    assert_nothing_is_left(simulator)


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_page_cannot_be_asked_for(engine: Engine, size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        engine.pages(size=size)


def test_an_iteration_left_early_leaves_nothing(library: Library, simulator: Simulator) -> None:
    simulator.populate(50)
    with Session(library) as session:
        pages = SaContexts(session).pages(size=10)
        next(pages)
        assert simulator.unfreed_blocks() == 0
        pages.close()

        assert simulator.open_handles() == 1  # the session
    assert_nothing_is_left(simulator)


def test_one_context_is_read_by_its_id(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(20)

    for context in [context for page in engine.pages() for context in page]:
        assert engine.get(context.sa_context_id) == context


def test_an_unknown_id_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(1)

    with pytest.raises(NotFound) as caught:
        engine.get(2**64 - 1)

    assert (caught.value.name, caught.value.function) == (
        "FWP_E_NOT_FOUND",
        "IPsecSaContextGetById1",
    )


def test_an_older_engine_is_read_by_generation_0(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(30)
    newer = [context for page in engine.pages() for context in page]
    simulator.fail("IPsecSaContextEnum1", 1745, times=0)
    simulator.fail("IPsecSaContextGetById1", 1745, times=0)

    older = [context for page in engine.pages(size=7) for context in page]

    assert [c.sa_context_id for c in older] == [c.sa_context_id for c in newer]
    assert engine.get(older[0].sa_context_id) == older[0]
    for old, new in zip(older, newer, strict=True):
        for one, other in ((old.inbound_sa, new.inbound_sa), (old.outbound_sa, new.outbound_sa)):
            if one is None or other is None:
                assert one is other
                continue
            assert one.virtual_if_tunnel_info is None
            assert one.traffic == other.traffic._replace(
                local_port=None, ip_protocol=None, local_if_luid=None, real_if_profile_id=None
            )
            assert one.sa_bundle == other.sa_bundle._replace(
                sa_lookup_context=None, qm_filter_id=None
            )


def test_generation_0_can_be_asked_for(library: Library, simulator: Simulator) -> None:
    simulator.populate(3)
    with Engine(library, generation=0) as engine:
        ids_of(engine)
        engine.get(simulator.ids()[0])

    assert simulator.calls("IPsecSaContextEnum1") == 0
    assert simulator.calls("IPsecSaContextGetById1") == 0


def test_an_engine_without_any_generation_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(3)
    for function in ("IPsecSaContextEnum", "IPsecSaContextGetById"):
        simulator.fail(f"{function}0", 1745, times=0)
        simulator.fail(f"{function}1", 1745, times=0)

    with pytest.raises(NotSupported):
        engine.pages()
    with pytest.raises(NotSupported):
        engine.get(simulator.ids()[0])


@pytest.mark.parametrize("order", list(Ipv6Order))
def test_the_engine_filters_by_subnet(
    library: Library, simulator: Simulator, order: Ipv6Order
) -> None:
    simulator.populate(300)
    with Engine(library, ipv6_order=lambda: order) as engine:
        everything = [context for page in engine.pages() for context in page]
        subnets: list[IPv4Network | IPv6Network] = [
            ip_network("10.0.0.0/8"),
            ip_network("0.0.0.0/0"),
            ip_network("::/0"),
        ]
        for context in everything[:40]:
            if context.outbound_sa is not None:
                address = context.outbound_sa.traffic.remote_address
                assert address is not None
                subnets += [ip_network(address)]
        for subnet in subnets:
            found = set(ids_of(engine, SubnetTemplate(remote=subnet)))

            assert found == {
                context.sa_context_id
                for context in everything
                if any(
                    sa is not None and _is_on(sa.traffic.remote_address, subnet)
                    for sa in (context.inbound_sa, context.outbound_sa)
                )
            }
    assert_nothing_is_left(simulator)


def _is_on(packed: bytes | None, subnet: IPv4Network | IPv6Network) -> bool:
    if packed is None or len(packed) * 8 != subnet.max_prefixlen:
        return False
    return ip_network(packed).subnet_of(subnet)  # type: ignore[arg-type]  # of one family


def test_a_template_that_nothing_can_match_gives_an_empty_list(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(10)

    template = SubnetTemplate(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))

    assert ids_of(engine, template) == []


@pytest.mark.parametrize("code", [1722, 1726, 1753, 1778, 0x80320010, 0x80010108])
def test_a_dead_session_is_reopened_once(engine: Engine, simulator: Simulator, code: int) -> None:
    simulator.populate(250)
    ids_of(engine)
    simulator.fail("IPsecSaContextEnum1", code, after=1)

    assert ids_of(engine) == simulator.ids()
    assert engine.incarnation == 2
    assert simulator.open_handles() == 1


def test_a_session_that_stays_dead_is_given_up(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(10)
    ids_of(engine)
    simulator.stop_engine()

    with pytest.raises(EngineGone) as caught:
        ids_of(engine)

    assert caught.value.name == "EPT_S_NOT_REGISTERED"
    assert simulator.open_handles() == 0
    simulator.start_engine()
    assert ids_of(engine) == simulator.ids()


def test_a_first_session_that_cannot_be_opened_is_tried_once(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.stop_engine()

    with pytest.raises(EngineGone):
        engine.pages()

    assert simulator.calls("FwpmEngineOpen0") == 1


def test_a_thread_does_not_wait_for_ever_for_its_turn(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(1)
    with Engine(library, timeout_seconds=0.01) as engine:

        def work(_contexts: SaContexts) -> None:
            with ThreadPoolExecutor(1) as other:
                assert isinstance(other.submit(engine.get, 1).exception(), EngineBusy)
                other.submit(engine.close).result()

        engine.with_sa_contexts(work)
        assert engine.is_open
    assert_nothing_is_left(simulator)


def test_a_contradiction_that_nobody_asked_for_is_reported(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.fail("IPsecSaContextCreateEnumHandle0", 0x80320033)

    with pytest.raises(NeverMatch):
        engine.pages()


@pytest.mark.parametrize(("function", "code"), list(product(FUNCTIONS, CODES)))
def test_nothing_is_left_when_any_call_fails_in_any_way(
    library: Library, simulator: Simulator, function: str, code: int
) -> None:
    simulator.populate(25)
    for after in range(5):
        simulator.clear_failures()
        simulator.fail(function, code, after=after, times=3)
        with suppress(EngineError), Engine(library) as engine:
            assert ids_of(engine, size=10) == simulator.ids()
            engine.get(simulator.ids()[0])
        assert_nothing_is_left(simulator)


class Failures(RuleBasedStateMachine):
    """An engine under any order of work, change and failure."""

    enumerations = 0

    def __init__(self) -> None:
        super().__init__()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.simulator.populate(30)
        self.is_running = True
        self.engine = Engine(Library(SIMULATOR_PATH))

    @rule(count=st.integers(0, 40), seed=st.integers(0, 1000))
    @precondition(lambda self: self.is_running)
    def populate(self, count: int, seed: int) -> None:
        self.simulator.populate(count, seed)

    @rule(changes=st.integers(1, 20))
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

    @rule(per_million=st.sampled_from([1_000, 50_000, 300_000]), seed=st.integers(0, 2**32))
    def fail_randomly(self, per_million: int, seed: int) -> None:
        self.simulator.fail_randomly(per_million, seed)

    @rule()
    def heal(self) -> None:
        self.simulator.clear_failures()

    @rule(option=st.sampled_from(Option), value=st.booleans())
    def decide(self, option: Option, value: bool) -> None:
        self.simulator.set_option(option, value)

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

    @rule(size=st.integers(1, 50), times=st.integers(1, 20))
    def enumerate_all(self, size: int, times: int) -> None:
        for _ in range(times):
            Failures.enumerations += 1
            with suppress(EngineError):
                assert sorted(ids_of(self.engine, size=size)) == self.simulator.ids()

    @rule(size=st.integers(1, 50))
    def leave_early(self, size: int) -> None:
        Failures.enumerations += 1
        with suppress(EngineError):
            self.engine.with_sa_contexts(lambda contexts: next(contexts.pages(size=size)))

    @rule(known=st.booleans())
    def get_one(self, known: bool) -> None:
        ids = self.simulator.ids()
        with suppress(EngineError):
            self.engine.get(ids[0] if known and ids else 2**63)

    @rule()
    def close(self) -> None:
        self.engine.close()

    @invariant()
    def nothing_is_left(self) -> None:
        assert self.simulator.open_handles() <= 1  # the session
        assert self.simulator.unfreed_blocks() == 0
        assert self.simulator.misuses() == 0

    def teardown(self) -> None:
        self.engine.close()
        assert_nothing_is_left(self.simulator)
        self.simulator.reset()


def test_nothing_is_left_after_10_000_enumerations_under_failures() -> None:
    Failures.enumerations = 0
    while Failures.enumerations < 10_000:
        run_state_machine_as_test(
            Failures,
            settings=settings(max_examples=50, stateful_step_count=50, deadline=None),
        )
