"""Enumerations of provider contexts: by type, with canaries in every one."""

from __future__ import annotations

import ctypes
from collections import Counter
from ctypes import byref
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .provider_contexts import (
    CANARY,
    MAIN_MODES,
    TUNNELS,
    ContextTemplate,
    ProviderContext,
    TunnelPolicy,
    enumerated,
)
from .wfp import (
    INVALID_HANDLE,
    INVALID_PARAMETER,
    NULL_REF_POINTER,
    SERVER_UNAVAILABLE,
    Wfp,
    pointer,
    u32,
)


INVALID_ENUMERATOR = 0x8032001D
TUNNEL_MODE = 1


def ids(wfp: Wfp, type_: int | None, **how: Any) -> list[int]:
    with enumerated(wfp, type_, **how) as found:
        return [each.providerContextId for each in found]


def tunnel_ids(wfp: Wfp) -> list[int]:
    return sorted(each for type_ in TUNNELS for each in ids(wfp, type_))


def policies_of_contexts(wfp: Wfp) -> set[int]:
    """The tunnelPolicyId of each SA in tunnel mode."""
    with wfp.all() as contexts:
        sas = [sa.contents for each in contexts for sa in (each.inboundSa, each.outboundSa) if sa]
        return {sa.traffic.filterOrPolicyId for sa in sas if sa.traffic.trafficType == TUNNEL_MODE}


@pytest.mark.parametrize("generation", range(4))
@pytest.mark.parametrize("type_", TUNNELS)
def test_a_type_gives_only_its_own(
    simulator: Simulator, wfp: Wfp, type_: int, generation: int
) -> None:
    simulator.populate(200, seed=6)

    with enumerated(wfp, type_, generation=generation) as found:
        assert {each.type for each in found} == {type_}
        shown = [each.providerContextId for each in found]
        assert shown == sorted(set(shown))
    assert simulator.unfreed_blocks() == simulator.open_handles() == simulator.misuses() == 0


def test_without_a_template_main_modes_are_returned_too(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=6)

    with enumerated(wfp, None) as found:
        types = Counter(each.type for each in found)
        shown = {each.providerContextId for each in found}
    assert set(types) > MAIN_MODES
    assert sum(types.values()) == 2 * 200 + 8
    assert {each for type_ in types for each in ids(wfp, type_)} == shown


@pytest.mark.parametrize("generation", range(4))
def test_every_context_has_the_canary_wherever_it_is_opaque(
    simulator: Simulator, wfp: Wfp, generation: int
) -> None:
    simulator.populate(200, seed=6)

    def is_canary(address: int) -> bool:
        return ctypes.string_at(address, len(CANARY)) == CANARY

    with enumerated(wfp, None, generation=generation) as found:
        for each in found:
            assert is_canary(each.providerData.data)
            if each.type not in TUNNELS:
                if each.type != 10 or generation:
                    assert is_canary(each.policy)
            elif each.type != 9 or generation:  # the union of generation 0 has no arm for IKEv2
                policy = TunnelPolicy.from_address(each.policy)
                assert is_canary(policy.ipsecProposals)


def test_tunnels_of_all_contexts_are_enumerated(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=6)
    before = policies_of_contexts(wfp)
    assert len(before) > 50
    assert before < set(tunnel_ids(wfp))

    simulator.churn(500)

    after = policies_of_contexts(wfp)
    assert after - before
    assert before | after < set(tunnel_ids(wfp))


def test_a_tunnel_of_churn_goes_with_its_context(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20, seed=6)
    before = set(tunnel_ids(wfp))
    simulator.churn(200)
    added = set(tunnel_ids(wfp)) - before
    assert added

    for context_id in simulator.ids():
        simulator.delete(context_id)

    assert set(tunnel_ids(wfp)) == before


def test_some_tunnels_have_no_context_and_some_are_templates(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(1, seed=6)
    of_contexts = policies_of_contexts(wfp)
    templates = idle = 0
    for type_ in TUNNELS:
        with enumerated(wfp, type_) as found:
            for each in found:
                if each.providerContextId in of_contexts:
                    continue
                endpoints = TunnelPolicy.from_address(each.policy).tunnelEndpoints
                is_template = not any(endpoints.remote)
                templates += is_template
                idle += not is_template
    assert templates == 4
    assert idle >= 4
    simulator.populate(0)
    assert ids(wfp, None) == []


def test_ids_lead_to_what_was_enumerated(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(60, seed=6)
    with enumerated(wfp, None) as found, wfp.session() as engine:
        for each in found:
            memory = pointer()
            wfp.call("FwpmProviderContextGetById3", engine, each.providerContextId, byref(memory))
            one = ProviderContext.from_address(memory.value or 0)
            assert (one.type, bytes(one.providerContextKey)) == (
                each.type,
                bytes(each.providerContextKey),
            )
            wfp.free(memory)


def test_a_provider_restricts_an_enumeration(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(60, seed=6)
    with enumerated(wfp, 9) as found:
        provider = bytes(found[0].providerKey.contents)

    assert ids(wfp, 9, provider=provider) == ids(wfp, 9)
    assert ids(wfp, 9, provider=bytes(16)) == []


@pytest.mark.parametrize("size", [1, 2, 100])
def test_pages_give_each_once_in_any_order(simulator: Simulator, wfp: Wfp, size: int) -> None:
    simulator.populate(60, seed=6)
    expected = ids(wfp, None, size=1000)
    simulator.set_option(Option.SHUFFLE)
    simulator.set_option(Option.EMPTY_BLOCK)

    shuffled = ids(wfp, None, size=size)

    assert shuffled != expected
    assert sorted(shuffled) == expected
    assert simulator.unfreed_blocks() == simulator.open_handles() == 0


@pytest.mark.parametrize("keeps_contents", [False, True])
def test_what_is_deleted_meanwhile_is_skipped_unless_the_snapshot_keeps_it(
    simulator: Simulator, wfp: Wfp, keeps_contents: bool
) -> None:
    tree = ProviderContext(type=9, providerContextId=7)
    simulator.put_provider_context(ctypes.addressof(tree))
    simulator.set_option(Option.SNAPSHOT_CONTENTS, keeps_contents)
    with wfp.session() as engine:
        handle, entries, count = pointer(), pointer(), u32()
        wfp.call("FwpmProviderContextCreateEnumHandle0", engine, None, byref(handle))
        simulator.delete_provider_context(7)
        wfp.call("FwpmProviderContextEnum3", engine, handle, 5, byref(entries), byref(count))
        wfp.free(entries)
        wfp.call("FwpmProviderContextDestroyEnumHandle0", engine, handle)

    assert count.value == keeps_contents
    assert simulator.unfreed_blocks() == simulator.misuses() == 0


def test_put_contexts_are_enumerated_unless_they_are_hidden(simulator: Simulator, wfp: Wfp) -> None:
    assert not simulator.hide_provider_context(7)
    for context_id in (7, 8):
        tree = ProviderContext(type=4, providerContextId=context_id)
        simulator.put_provider_context(ctypes.addressof(tree))
    assert ids(wfp, 4) == [7, 8]

    assert simulator.hide_provider_context(7)

    assert ids(wfp, 4) == [8]
    with wfp.session() as engine:
        memory = pointer()
        wfp.call("FwpmProviderContextGetById3", engine, 7, byref(memory))
        wfp.free(memory)
    simulator.put_provider_context(ctypes.addressof(ProviderContext(type=4, providerContextId=7)))
    assert ids(wfp, 4) == [7, 8]


def test_misuse_is_rejected_and_counted(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(5)
    name = "FwpmProviderContext"
    handle, entries, count = pointer(), pointer(), u32()
    with wfp.session() as engine:
        create, enum = f"{name}CreateEnumHandle0", f"{name}Enum3"
        unknown = ContextTemplate(None, 14)
        assert wfp.code(create, engine, byref(unknown), byref(handle)) == INVALID_ENUMERATOR
        assert simulator.misuses() == 0
        assert wfp.code(create, engine, None, None) == NULL_REF_POINTER
        wfp.call(create, engine, None, byref(handle))
        assert wfp.code(enum, engine, handle, 5, None, byref(count)) == NULL_REF_POINTER
        assert wfp.code(enum, engine, handle, 0, byref(entries), byref(count)) == INVALID_PARAMETER
        assert simulator.misuses() == 2
        foreign = wfp.create(engine)
        assert wfp.code(f"{name}DestroyEnumHandle0", engine, foreign) == INVALID_HANDLE
        wfp.destroy(engine, foreign)
        simulator.stop_engine()
        code = wfp.code(enum, engine, handle, 5, byref(entries), byref(count))
        assert code == SERVER_UNAVAILABLE
    assert simulator.misuses() == 3
    assert simulator.unfreed_blocks() == simulator.open_handles() == 0
