"""Enumerations of main mode SAs: complete, and leaving nothing behind, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Option, Simulator

from bindings.engine import Engine
from bindings.errors import EngineError, EngineGone, IkeextNotRunning, NotFound, NotSupported
from bindings.ike_records import IkeSa
from bindings.ike_sas import IkeSas
from bindings.library import Library
from bindings.session import Session
from bindings.template import SubnetTemplate

from .test_enumeration import CODES, assert_nothing_is_left


FUNCTIONS = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "IkeextSaCreateEnumHandle0",
    "IkeextSaEnum2",
    "IkeextSaDestroyEnumHandle0",
    "IkeextSaGetById2",
)
NOT_RUNNING = 0x80320044


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine
    assert_nothing_is_left(simulator)


def all_of(engine: Engine, template: SubnetTemplate | None = None, size: int = 100) -> list[IkeSa]:
    return engine.with_ike_sas(
        lambda sas: [sa for page in sas.pages(template, size) for sa in page]
    )


@settings(max_examples=60)
@given(
    count=st.integers(0, 120),
    size=st.integers(1, 70),
    seed=st.integers(0, 2**64 - 1),
    empty_block=st.booleans(),
    shuffle=st.booleans(),
)
def test_pages_give_every_sa_once(
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
        pages = engine.with_ike_sas(lambda sas: list(sas.pages(size=size)))

    assert len({sa.sa_id for page in pages for sa in page}) == simulator.count_ike_sas()
    assert sum(map(len, pages)) == simulator.count_ike_sas()
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert len(pages[-1]) < size
    assert_nothing_is_left(simulator)


def test_each_main_mode_of_the_contexts_is_there_with_the_same_addresses(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(2000, seed=4)
    for _ in range(3):
        sas = {sa.sa_id: sa for sa in all_of(engine)}
        found = gone = 0
        for page in engine.pages():
            for details in (sa for context in page for sa in context[1:] if sa):
                sa = sas.get(details.sa_bundle.mm_sa_id)
                if sa is None:
                    gone += 1
                    continue
                found += 1
                assert sa.ip_version == details.ip_version
                assert sa.ike_traffic.local_address == details.traffic.local_address
                assert sa.ike_traffic.remote_address == details.traffic.remote_address
        assert 0 < gone < found / 10
        simulator.churn(2000)


def test_one_is_read_by_its_id(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(40)
    sas = all_of(engine)
    assert len(sas) > 10

    for sa in sas:
        assert engine.with_ike_sas(lambda reader, sa_id=sa.sa_id: reader.get(sa_id)) == sa  # type: ignore[misc]


def test_an_unknown_id_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(1)

    with pytest.raises(NotFound) as caught:
        engine.with_ike_sas(lambda sas: sas.get(2**64 - 1))

    assert (caught.value.name, caught.value.function) == ("FWP_E_NOT_FOUND", "IkeextSaGetById2")


@pytest.mark.parametrize("known", [1, 0])
def test_an_older_engine_is_read_by_the_newest_generation_that_it_knows(
    engine: Engine, simulator: Simulator, known: int
) -> None:
    simulator.populate(60)
    newest = all_of(engine)
    for generation in range(known + 1, 3):
        simulator.fail(f"IkeextSaEnum{generation}", 1745, times=0)
        simulator.fail(f"IkeextSaGetById{generation}", 1745, times=0)

    older = all_of(engine, size=7)

    assert older == newest  # the simulator has no reserved method, all that they differ in
    assert engine.with_ike_sas(lambda sas: sas.get(older[0].sa_id)) == older[0]
    assert simulator.calls(f"IkeextSaEnum{known}") > 0
    assert simulator.calls(f"IkeextSaGetById{known}") == 1


def test_the_functions_of_vista_can_be_asked_for(library: Library, simulator: Simulator) -> None:
    simulator.populate(3)
    with Engine(library, generation=0) as engine:
        (first, *_) = all_of(engine)
        engine.with_ike_sas(lambda sas: sas.get(first.sa_id))

    newer = ("IkeextSaEnum1", "IkeextSaEnum2", "IkeextSaGetById1", "IkeextSaGetById2")
    assert [simulator.calls(function) for function in newer] == [0, 0, 0, 0]


def test_a_library_without_them_is_reported(
    engine: Engine, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(3)
    function = Library.function

    def lacking(library: Library, name: str) -> object:
        if name.startswith("Ikeext"):
            raise NotSupported(1745, name)
        return function(library, name)

    monkeypatch.setattr(Library, "function", lacking)

    with pytest.raises(NotSupported):
        all_of(engine)
    with pytest.raises(NotSupported):
        engine.with_ike_sas(lambda sas: sas.get(1))


def test_the_engine_filters_by_subnet(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(300)
    everything = all_of(engine)
    subnets: list[IPv4Network | IPv6Network] = [ip_network("10.0.0.0/8"), ip_network("::/0")]
    for sa in everything[:40]:
        assert sa.ike_traffic.remote_address is not None
        subnets += [ip_network(sa.ike_traffic.remote_address)]
    for subnet in subnets:
        found = all_of(engine, SubnetTemplate(remote=subnet))

        assert found == [sa for sa in everything if _is_on(sa.ike_traffic.remote_address, subnet)]
        assert found


def _is_on(packed: bytes | None, subnet: IPv4Network | IPv6Network) -> bool:
    if packed is None or len(packed) * 8 != subnet.max_prefixlen:
        return False
    return ip_network(packed).subnet_of(subnet)  # type: ignore[arg-type]  # of one family


def test_a_template_that_nothing_can_match_gives_an_empty_list(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(10)

    template = SubnetTemplate(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))

    assert all_of(engine, template) == []


def test_a_stopped_ikeext_is_reported(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(10)
    for function in ("IkeextSaCreateEnumHandle0", "IkeextSaGetById2"):
        simulator.fail(function, NOT_RUNNING, times=0)

    with pytest.raises(IkeextNotRunning):
        all_of(engine)
    with pytest.raises(IkeextNotRunning):
        engine.with_ike_sas(lambda sas: sas.get(1))


def test_an_iteration_left_early_leaves_nothing(library: Library, simulator: Simulator) -> None:
    simulator.populate(100)
    with Session(library) as session:
        arrays = IkeSas(session).arrays(size=10)
        with next(arrays) as array:
            assert len(array.ids()) == len(array) == 10
            assert array.read(9)[0] == array.ids()[9] == array.decode(9).sa_id
            assert simulator.unfreed_blocks() == 1
        with pytest.raises(IndexError):
            array.read(0)
        arrays.close()

        assert simulator.open_handles() == 1  # the session
    assert_nothing_is_left(simulator)


def test_a_dead_session_is_reopened_once(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(250)
    before = all_of(engine)
    simulator.fail("IkeextSaEnum2", 1726, after=1)

    assert all_of(engine, size=50) == before
    assert engine.incarnation == 2


def test_a_restarted_engine_negotiates_anew(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(50)
    before = all_of(engine)
    simulator.stop_engine()
    with pytest.raises(EngineGone):
        all_of(engine)
    simulator.start_engine()

    after = all_of(engine)

    assert not {sa.sa_id for sa in before} & {sa.sa_id for sa in after}
    peers = {sa.ike_traffic.remote_address for sa in before}
    assert len(peers & {sa.ike_traffic.remote_address for sa in after}) > 20


def test_no_record_has_a_secret(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(500)
    text = repr(all_of(engine))

    assert "host/edge.corp.example" in text
    assert "cert_hash=b" in text
    assert "CANARY" not in text
    assert str(0x4352414E41525921) not in text


@pytest.mark.parametrize(("function", "code"), list(product(FUNCTIONS, CODES)))
def test_nothing_is_left_when_any_call_fails_in_any_way(
    library: Library, simulator: Simulator, function: str, code: int
) -> None:
    simulator.populate(50)
    for after in range(4):
        simulator.clear_failures()
        simulator.fail(function, code, after=after, times=2)
        with Engine(library) as engine, suppress(EngineError):
            sas = all_of(engine, size=10)
            engine.with_ike_sas(lambda reader, sa_id=sas[0].sa_id: reader.get(sa_id))  # type: ignore[misc]
        assert_nothing_is_left(simulator)
