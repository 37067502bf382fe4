"""Statistics against a second reader of the same memory, and whatever fails."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from bindings.engine import Engine
from bindings.errors import AccessDenied, EngineGone, IkeextNotRunning, NotSupported
from bindings.library import Library

from .structs import ABI, Struct
from .test_enumeration import assert_nothing_is_left


SIZES = {name: ABI["structs"][name]["size"] for name in ("IPSEC_STATISTICS1", "IKEEXT_STATISTICS1")}


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine
    assert_nothing_is_left(simulator)


def by_name(struct: Struct, name: str) -> dict[str, Any]:
    """All numbers of a struct, by their names in WFP."""
    found: dict[str, Any] = {}
    for field, declared in ABI["structs"][name]["fields"].items():
        if declared["type"] in ABI["structs"]:
            found[field] = by_name(struct.embedded(field), declared["type"])
        elif declared["type"] == "UINT32[97]":
            raw = struct.raw(field)
            found[field] = [int.from_bytes(raw[i : i + 4], "little") for i in range(0, 388, 4)]
        else:
            found[field] = struct.number(field)
    return found


def wfp_name(field: str) -> str:
    """The name of a record's field in WFP."""
    first, *others = field.split("_")
    upper = {"ah", "esp"} if first == "authenticated" else set()
    return first + "".join(
        other.upper() if other in upper else other[:1].upper() + other[1:] for other in others
    )


def as_wfp(record: Any) -> Any:
    """A record as `by_name` has it."""
    if hasattr(record, "_fields"):
        return {wfp_name(f): as_wfp(v) for f, v in zip(record._fields, record, strict=True)}
    return list(record) if isinstance(record, tuple) else record


@pytest.mark.parametrize("name", list(SIZES))
def test_every_counter_is_read_where_microsoft_has_it(
    engine: Engine, simulator: Simulator, name: str
) -> None:
    @settings(max_examples=30)
    @given(content=st.binary(min_size=SIZES[name], max_size=SIZES[name]))
    def check(content: bytes) -> None:
        memory = ctypes.create_string_buffer(content, len(content))
        address = ctypes.addressof(memory)
        if name == "IPSEC_STATISTICS1":
            simulator.put_ipsec_statistics(address)
            record: Any = engine.ipsec_statistics()[1]
        else:
            simulator.put_ike_statistics(address)
            record = engine.ike_statistics()[1]

        assert as_wfp(record) == by_name(Struct(name, address), name)

    check()


def test_what_lives_is_counted(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(300, seed=3)
    simulator.churn(2000)
    contexts = [context for page in engine.pages() for context in page]
    sas = engine.with_ike_sas(lambda reader: [sa for page in reader.pages() for sa in page])

    counted = engine.ipsec_statistics()[1].aggregate_sa_statistics
    ike = engine.ike_statistics()[1]

    live = sum(sa is not None for context in contexts for sa in context[1:])
    assert counted.active_sas == live
    assert counted.total_sas_added - counted.total_sas_deleted == live
    tunnels = sum(c.inbound_sa is not None and c.inbound_sa.traffic.traffic_type for c in contexts)
    assert tunnels <= counted.active_tunnels <= tunnels + counted.pending_sa_negotiations
    modules = (ike.ike_statistics, ike.authip_statistics, ike.ike_v2_statistics)
    for number, module in enumerate(modules):
        assert module is not None
        for version, of_version in enumerate((module.v4_statistics, module.v6_statistics)):
            assert of_version.current_active_main_modes == sum(
                (sa.key_module_type, sa.ip_version) == (number, version) for sa in sas
            )
            started = of_version.total_successful_main_modes + of_version.total_failed_main_modes
            assert of_version.total_main_modes_started == started


def test_counters_grow_with_what_happens_the_same_each_time(
    engine: Engine, simulator: Simulator
) -> None:
    runs = []
    for _ in range(2):
        simulator.reset()
        simulator.populate(100, seed=5)
        seen = []
        for _ in range(3):
            simulator.churn(100)
            seen.append((engine.ipsec_statistics()[1], engine.ike_statistics()[1]))
        runs.append(seen)

    assert runs[0] == runs[1]
    first, second, third = (ipsec for ipsec, _ in runs[0])
    for traffic in ("inbound_traffic_statistics", "outbound_traffic_statistics"):
        grown = [getattr(each, traffic).encrypted_byte_count for each in (first, second, third)]
        assert grown == sorted(set(grown))
    errors = [ike.ike_statistics.errors() for _, ike in runs[0]]
    assert set(errors[-1]) <= {13801, 13805, 13806, 13868}
    assert sum(errors[-1].values()) >= sum(errors[0].values())


def test_counters_of_32_bits_begin_again(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(100)
    memory = (ctypes.c_uint32 * (SIZES["IPSEC_STATISTICS1"] // 4))()
    offset = ABI["structs"]["IPSEC_AGGREGATE_SA_STATISTICS0"]["fields"]["successfulRekeys"]
    memory[offset["offset"] // 4] = 2**32 - 2
    simulator.put_ipsec_statistics(ctypes.addressof(memory))
    before = engine.ipsec_statistics()[1].aggregate_sa_statistics.successful_rekeys
    simulator.churn(500)

    after = engine.ipsec_statistics()[1].aggregate_sa_statistics.successful_rekeys

    assert before == 2**32 - 2
    assert 0 < (after - before) % 2**32 < 500
    assert after < before


def test_a_restarted_engine_begins_from_0(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(100)
    simulator.churn(500)
    incarnation, before = engine.ipsec_statistics()
    simulator.stop_engine()
    with pytest.raises(EngineGone):
        engine.ipsec_statistics()
    simulator.start_engine()

    again, after = engine.ipsec_statistics()

    assert again > incarnation
    assert after.aggregate_sa_statistics.total_sas_deleted == 0
    assert before.aggregate_sa_statistics.total_sas_deleted > 0


def test_an_older_engine_is_read_by_generation_0(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(100)
    simulator.churn(500)
    newer, newer_ike = engine.ipsec_statistics()[1], engine.ike_statistics()[1]
    for function in ("IPsecGetStatistics1", "IkeextGetStatistics1"):
        simulator.fail(function, 1745, times=0)

    older, older_ike = engine.ipsec_statistics()[1], engine.ike_statistics()[1]

    assert older_ike == newer_ike._replace(ike_v2_statistics=None)
    dropped = newer.aggregate_drop_packet_statistics
    assert older == newer._replace(
        aggregate_drop_packet_statistics=dropped._replace(total_drop_packets_inbound=None),
        inbound_traffic_statistics=newer.inbound_traffic_statistics._replace(
            total_successful_packets=None
        ),
        outbound_traffic_statistics=newer.outbound_traffic_statistics._replace(
            total_successful_packets=None
        ),
    )


def test_generation_0_can_be_asked_for(library: Library, simulator: Simulator) -> None:
    with Engine(library, generation=0) as engine:
        engine.ipsec_statistics()
        engine.ike_statistics()

    assert simulator.calls("IPsecGetStatistics1") == simulator.calls("IkeextGetStatistics1") == 0


@pytest.mark.parametrize(
    ("code", "error"), [(1745, NotSupported), (5, AccessDenied), (0x80320044, IkeextNotRunning)]
)
def test_a_rejection_is_reported(
    engine: Engine, simulator: Simulator, code: int, error: type[Exception]
) -> None:
    for generation in (0, 1):
        simulator.fail(f"IPsecGetStatistics{generation}", code, times=0)
        simulator.fail(f"IkeextGetStatistics{generation}", code, times=0)

    with pytest.raises(error):
        engine.ipsec_statistics()
    with pytest.raises(error):
        engine.ike_statistics()


def test_a_dead_session_is_reopened_once(engine: Engine, simulator: Simulator) -> None:
    engine.ipsec_statistics()
    simulator.fail("IPsecGetStatistics1", 1726)

    assert engine.ipsec_statistics()[0] == 2
