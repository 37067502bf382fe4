"""Filters and provider contexts: those that contexts name, with canaries in place of keys."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref
from typing import Any

import pytest
from sa_contexts_simulator import Simulator

from .wfp import GUID, Filter, Wfp, WfpError, pointer, text_at, u32, u64


CANARY = b"CANARY-KEY-MATERIAL"
FILTER_NOT_FOUND = 0x80320003
CONTEXT_NOT_FOUND = 0x80320006
NULL_REFERENCE = 1780
INVALID_HANDLE = 6

# FWPM_PROVIDER_CONTEXT0 to 3 (fwpmtypes.h), in bytes.
NAME, TYPE, POLICY, ID = 16, 64, 72, 80
# IPSEC_TUNNEL_POLICY0 to 3 (ipsectypes.h): the proposals, and the endpoints' addresses.
PROPOSALS, LOCAL, REMOTE = 8, 20, 36

TUNNEL_TYPES = {2, 4, 9}


@contextmanager
def read(wfp: Wfp, engine: int, function: str, argument: Any) -> Iterator[int]:
    """Yield the address of a result, and free it."""
    memory = pointer()
    wfp.call(function, engine, argument, byref(memory))
    assert memory.value is not None
    try:
        yield memory.value
    finally:
        wfp.free(memory)


def code_of(wfp: Wfp, engine: int, function: str, argument: Any) -> int:
    try:
        with read(wfp, engine, function, argument):
            return 0
    except WfpError as error:
        return error.code


def number(address: int, kind: Any = u64) -> int:
    value: int = kind.from_address(address).value
    return value


def test_transport_filters_can_be_read_by_their_ids(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=6)
    found = gone = 0
    with wfp.all() as contexts, wfp.session() as engine:
        sas = [sa.contents for each in contexts for sa in (each.inboundSa, each.outboundSa) if sa]
        for shown in [sa.transportFilter.contents for sa in sas if sa.transportFilter]:
            code = code_of(wfp, engine, "FwpmFilterGetById0", shown.filterId)
            if code:
                assert code == FILTER_NOT_FOUND
                gone += 1
                continue
            with read(wfp, engine, "FwpmFilterGetById0", shown.filterId) as address:
                same = ctypes.cast(address, POINTER(Filter)).contents
                assert text_at(same.name) == text_at(shown.name)
                assert bytes(same.filterKey) == bytes(shown.filterKey)
                assert bytes(same.providerContextKey) == bytes(shown.providerContextKey)
            found += 1
    assert 0 < gone < found / 5
    assert simulator.unfreed_blocks() == simulator.misuses() == 0


@pytest.mark.parametrize("generation", range(4))
def test_policies_consist_of_canaries_except_for_endpoints(
    simulator: Simulator, wfp: Wfp, generation: int
) -> None:
    simulator.populate(200, seed=6)
    function = f"FwpmProviderContextGetByKey{generation}"
    tunnels = 0
    with wfp.all() as contexts, wfp.session() as engine:
        sas = [sa.contents for each in contexts for sa in (each.inboundSa, each.outboundSa) if sa]
        for sa in sas:
            if not sa.transportFilter:
                continue
            key = sa.transportFilter.contents.providerContextKey
            with read(wfp, engine, function, byref(key)) as address:
                assert ctypes.string_at(address, 16) == bytes(key)
                assert text_at(number(address + NAME))
                policy = number(address + POLICY)
                type_ = number(address + TYPE, u32)
                if type_ == 9 and generation == 0:
                    continue  # the union has no arm for it: the pointer is stale
                if type_ not in TUNNEL_TYPES:
                    assert ctypes.string_at(policy, len(CANARY)) == CANARY
                    continue
                tunnels += 1
                assert ctypes.string_at(number(policy + PROPOSALS), len(CANARY)) == CANARY
                traffic = bytes(sa.traffic)  # IPSEC_TRAFFIC1 begins with the same three fields
                length = 4 if sa.ipVersion == 0 else 16
                assert ctypes.string_at(policy + LOCAL, length) == traffic[4 : 4 + length]
                assert ctypes.string_at(policy + REMOTE, length) == traffic[20 : 20 + length]
    assert tunnels > 10
    assert simulator.unfreed_blocks() == 0


def test_keys_outlive_a_restart_and_ids_do_not(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20, seed=6)

    def first() -> tuple[int, bytes]:
        with wfp.all() as contexts:
            sa = next(
                each.inboundSa.contents
                for each in contexts
                if each.inboundSa and each.inboundSa.contents.transportFilter
            )
            rule = sa.transportFilter.contents
            return rule.filterId, bytes(rule.providerContextKey)

    before = first()
    simulator.stop_engine()
    simulator.start_engine()
    after = first()

    assert after[0] != before[0]
    assert after[1] == before[1]
    with wfp.session() as engine:
        assert code_of(wfp, engine, "FwpmFilterGetById0", before[0]) == FILTER_NOT_FOUND
        key = GUID.from_buffer_copy(before[1])
        assert code_of(wfp, engine, "FwpmProviderContextGetByKey3", byref(key)) == 0


@pytest.mark.parametrize("generation", range(4))
def test_what_does_not_exist_is_not_found(simulator: Simulator, wfp: Wfp, generation: int) -> None:
    simulator.populate(20, seed=6)
    with wfp.session() as engine:
        for unknown in (0, 1, 2**64 - 1):
            assert code_of(wfp, engine, "FwpmFilterGetById0", unknown) == FILTER_NOT_FOUND
            function = f"FwpmProviderContextGetById{generation}"
            assert code_of(wfp, engine, function, unknown) == CONTEXT_NOT_FOUND
        function = f"FwpmProviderContextGetByKey{generation}"
        assert code_of(wfp, engine, function, byref(GUID())) == CONTEXT_NOT_FOUND
    assert simulator.misuses() == 0


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        ("FwpmFilterGetById0", 1),
        *((f"FwpmProviderContextGetById{n}", 1) for n in range(4)),
        *((f"FwpmProviderContextGetByKey{n}", byref(GUID())) for n in range(4)),
    ],
)
def test_null_and_closed_sessions_are_misuses(
    simulator: Simulator, wfp: Wfp, function: str, argument: Any
) -> None:
    memory = pointer()
    with wfp.session() as engine:
        assert wfp.code(function, engine, argument, None) == NULL_REFERENCE
        if "Key" in function:
            assert wfp.code(function, engine, None, byref(memory)) == NULL_REFERENCE
        misuses = simulator.misuses()
        assert misuses == 1 + ("Key" in function)
    assert wfp.code(function, engine, argument, byref(memory)) == INVALID_HANDLE
    assert simulator.misuses() == misuses + 1


def test_deleted_objects_are_gone_until_they_are_put(simulator: Simulator, wfp: Wfp) -> None:
    rule = Filter(filterId=7)
    assert not simulator.delete_filter(7)
    for _ in range(2):
        assert simulator.put_filter(ctypes.addressof(rule)) == 7
        with wfp.session() as engine:
            assert code_of(wfp, engine, "FwpmFilterGetById0", 7) == 0
            assert simulator.delete_filter(7)
            assert code_of(wfp, engine, "FwpmFilterGetById0", 7) == FILTER_NOT_FOUND
    context = (ctypes.c_uint64 * 11)()
    context[ID // 8] = 8
    assert simulator.put_provider_context(ctypes.addressof(context)) == 8
    assert simulator.delete_provider_context(8)
    assert not simulator.delete_provider_context(8)
    for put, tree in (
        (simulator.put_filter, 0),
        (simulator.put_filter, ctypes.addressof(Filter())),
        (simulator.put_provider_context, 0),
    ):
        with pytest.raises(ValueError, match=r"."):
            put(tree)
