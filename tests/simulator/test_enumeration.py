"""Enumerating: every context once, until fewer come than were asked for."""

import ctypes
from ctypes import byref

import pytest
from sa_contexts_simulator import Option, Simulator

from .wfp import (
    INVALID_NET_MASK,
    INVALID_PARAMETER,
    NEVER_MATCH,
    NULL_REF_POINTER,
    TYPE_MISMATCH,
    V4,
    V6,
    Template,
    V4AddrAndMask,
    V6AddrAndMask,
    Wfp,
    WfpError,
    pointer,
    u8,
    u32,
)


@pytest.mark.parametrize("size", [1, 7, 50, 99, 100, 101, 0xFFFFFFFF])
@pytest.mark.parametrize("generation", [0, 1])
def test_pages_give_every_context_once(
    simulator: Simulator, wfp: Wfp, size: int, generation: int
) -> None:
    simulator.populate(100, seed=1)

    assert wfp.ids(size, generation=generation) == simulator.ids()
    assert simulator.open_handles() == 0
    assert simulator.unfreed_blocks() == 0
    assert simulator.misuses() == 0


def test_full_last_page_is_followed_by_an_empty_one(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20)
    with wfp.session() as engine:
        handle = wfp.create(engine)
        counts = []
        for _ in range(4):
            page = wfp.next(engine, handle, 10)
            counts.append(page.count)
            wfp.free(page.entries)
        wfp.destroy(engine, handle)

    assert counts == [10, 10, 0, 0]


@pytest.mark.parametrize("is_block", [False, True])
def test_entries_at_0_results_are_null_or_a_block(
    simulator: Simulator, wfp: Wfp, is_block: bool
) -> None:
    simulator.set_option(Option.EMPTY_BLOCK, int(is_block))
    with wfp.session() as engine:
        handle = wfp.create(engine)
        page = wfp.next(engine, handle, 10)
        held = simulator.unfreed_blocks()
        was_block = bool(page.entries)
        wfp.free(page.entries)
        wfp.destroy(engine, handle)

    assert page.count == 0
    assert was_block == is_block
    assert held == int(is_block)
    assert simulator.unfreed_blocks() == 0
    assert simulator.misuses() == 0


def test_shuffled_order_is_another_order_of_the_same(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(100)
    simulator.set_option(Option.SHUFFLE)

    first, second = wfp.ids(), wfp.ids()

    assert first != second
    assert sorted(first) == sorted(second) == simulator.ids()


def test_snapshot_holds_the_set(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30)
    before = simulator.ids()
    with wfp.session() as engine:
        handle = wfp.create(engine)
        first = wfp.next(engine, handle, 10)
        simulator.delete(before[15])
        simulator.churn(200)
        gone = set(before) - set(simulator.ids())
        rest = wfp.next(engine, handle, 100)
        seen = [context.saContextId for context in first.contexts + rest.contexts]
        wfp.free(first.entries)
        wfp.free(rest.entries)
        wfp.destroy(engine, handle)

    assert seen[:10] == before[:10]
    assert seen[10:] == [each for each in before[10:] if each not in gone]


def test_snapshot_of_contents_gives_what_is_deleted_meanwhile(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(30)
    simulator.set_option(Option.SNAPSHOT_CONTENTS)
    before = simulator.ids()
    with wfp.session() as engine:
        handle = wfp.create(engine)
        simulator.populate(0)
        page = wfp.next(engine, handle, 100)
        seen = [context.saContextId for context in page.contexts]
        wfp.free(page.entries)
        wfp.destroy(engine, handle)

    assert seen == before


def test_zero_entries_requested_is_refused(simulator: Simulator, wfp: Wfp) -> None:
    with wfp.session() as engine:
        handle = wfp.create(engine)
        with pytest.raises(WfpError) as rejection:
            wfp.next(engine, handle, 0)
        wfp.destroy(engine, handle)

    assert rejection.value.code == INVALID_PARAMETER
    assert simulator.misuses() == 0


# ---- templates ----


def addresses(wfp: Wfp, version: int) -> dict[int, set[tuple[bytes, bytes]]]:
    """The local and remote address of each SA, of the contexts of one IP version."""
    found: dict[int, set[tuple[bytes, bytes]]] = {}
    with wfp.all() as contexts:
        for context in contexts:
            for sa in (context.inboundSa, context.outboundSa):
                if sa and sa.contents.traffic.ipVersion == version:
                    traffic = sa.contents.traffic
                    if version == V4:
                        local = traffic.local.v4.to_bytes(4, "big")
                        remote = traffic.remote.v4.to_bytes(4, "big")
                    else:
                        local, remote = bytes(traffic.local.v6), bytes(traffic.remote.v6)
                    found.setdefault(context.saContextId, set()).add((local, remote))
    return found


def bits(address: bytes, prefix: int) -> int:
    return int.from_bytes(address, "big") >> (8 * len(address) - prefix)


@pytest.mark.parametrize("prefix", [0, 1, 8, 12, 24, 31, 32])
def test_v4_subnet_selects_by_its_bits(simulator: Simulator, wfp: Wfp, prefix: int) -> None:
    simulator.populate(200, seed=2)
    known = addresses(wfp, V4)
    remote = min(next(iter(known.values())))[1]
    net = V4AddrAndMask(int.from_bytes(remote, "big"), (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF)
    template = Template()
    template.remoteSubNet.type = 256
    template.remoteSubNet.pointer = ctypes.addressof(net)

    expected = [
        each
        for each, ends in known.items()
        if any(bits(end, prefix) == bits(remote, prefix) for _, end in ends)
    ]
    assert wfp.ids(template=template) == expected
    assert expected


@pytest.mark.parametrize("prefix", [0, 1, 8, 13, 64, 127, 128])
def test_v6_subnet_selects_by_its_bits(simulator: Simulator, wfp: Wfp, prefix: int) -> None:
    simulator.populate(200, seed=3)
    known = addresses(wfp, V6)
    local = min(next(iter(known.values())))[0]
    net = V6AddrAndMask((u8 * 16)(*local), prefix)
    template = Template()
    template.localSubNet.type = 257
    template.localSubNet.pointer = ctypes.addressof(net)

    expected = [
        each
        for each, ends in known.items()
        if any(bits(end, prefix) == bits(local, prefix) for end, _ in ends)
    ]
    assert wfp.ids(template=template) == expected
    assert expected


def test_single_addresses_select_both_ends(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=4)
    v4, v6 = addresses(wfp, V4), addresses(wfp, V6)

    local, remote = min(next(iter(v4.values())))
    template = Template()
    template.localSubNet.type = template.remoteSubNet.type = 3
    template.localSubNet.uint32 = int.from_bytes(local, "big")
    template.remoteSubNet.uint32 = int.from_bytes(remote, "big")
    assert wfp.ids(template=template) == [i for i, ends in v4.items() if (local, remote) in ends]

    local, remote = min(next(iter(v6.values())))
    arrays = (u8 * 16)(*local), (u8 * 16)(*remote)
    template.localSubNet.type = template.remoteSubNet.type = 11
    template.localSubNet.pointer = ctypes.addressof(arrays[0])
    template.remoteSubNet.pointer = ctypes.addressof(arrays[1])
    assert wfp.ids(template=template) == [i for i, ends in v6.items() if (local, remote) in ends]


def test_empty_template_selects_all(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(50)

    assert wfp.ids(template=Template()) == simulator.ids()


def rejection(wfp: Wfp, template: Template) -> int:
    handle = pointer()
    with wfp.session() as engine:
        return wfp.code("IPsecSaContextCreateEnumHandle0", engine, byref(template), byref(handle))


def test_templates_that_make_no_sense_are_refused(simulator: Simulator, wfp: Wfp) -> None:
    holes = V4AddrAndMask(0x0A000000, 0xFF00FF00)
    template = Template()
    template.localSubNet.type = 256
    template.localSubNet.pointer = ctypes.addressof(holes)
    assert rejection(wfp, template) == INVALID_NET_MASK

    beyond = V6AddrAndMask((u8 * 16)(), 129)
    template.localSubNet.type = 257
    template.localSubNet.pointer = ctypes.addressof(beyond)
    assert rejection(wfp, template) == INVALID_NET_MASK

    beyond.prefixLength = 64
    template.remoteSubNet.type = 3
    template.remoteSubNet.uint32 = 0x0A000001
    assert rejection(wfp, template) == NEVER_MATCH

    template.remoteSubNet.type = 1
    assert rejection(wfp, template) == TYPE_MISMATCH

    template = Template()
    template.localSubNet.type = 256
    assert rejection(wfp, template) == NULL_REF_POINTER
    assert simulator.open_handles() == 0


def test_required_pointers_may_not_be_null(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1)
    entries, count = pointer(), u32()
    with wfp.session() as engine:
        handle = wfp.create(engine)
        codes = [
            wfp.code("FwpmEngineOpen0", None, 10, None, None, None),
            wfp.code("IPsecSaContextCreateEnumHandle0", engine, None, None),
            wfp.code("IPsecSaContextEnum1", engine, handle, 1, None, byref(count)),
            wfp.code("IPsecSaContextEnum1", engine, handle, 1, byref(entries), None),
            wfp.code("IPsecSaContextGetById1", engine, simulator.ids()[0], None),
        ]
        wfp.destroy(engine, handle)

    assert codes == [NULL_REF_POINTER] * 5
    assert simulator.misuses() == 5
