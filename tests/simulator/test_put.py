"""Any tree that a test builds is copied as it is, its secrets aside."""

import ctypes
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .test_contexts import CANARY, CANARY_NUMBER
from .wfp import (
    V4,
    V6,
    AuthAndCipher,
    Blob,
    Condition,
    Context,
    Context0,
    Details,
    Filter,
    Id,
    KeyModuleState,
    Range,
    Sa,
    Token,
    Transform,
    Wfp,
    blob_bytes,
    secrets_of,
    text_at,
    u8,
    u16,
    u64,
)


LONE_SURROGATE = b"a\x00\x00\xd8b\x00\xff\xdc"


class Tree:
    """Structures of C that stay alive as long as the tree."""

    def __init__(self) -> None:
        self._alive: list[Any] = []
        self.context = Context()

    def at(self, structure: Any) -> int:
        self._alive.append(structure)
        return ctypes.addressof(structure)

    def string(self, units: bytes) -> int:
        return self.at(ctypes.create_string_buffer(units + b"\0\0"))

    def blob(self, content: bytes) -> Blob:
        return Blob(len(content), self.at(ctypes.create_string_buffer(content, len(content))))

    def point(self, kind: type[Any], structure: Any) -> Any:
        self.at(structure)
        return ctypes.cast(ctypes.addressof(structure), ctypes.POINTER(kind))

    def inbound(self, details: Details) -> "Tree":
        self.context.inboundSa = self.point(Details, details)
        return self

    def put(self, simulator: Simulator) -> int:
        return simulator.put(ctypes.addressof(self.context))


def test_context_without_sas(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    context_id = tree.put(simulator)
    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        assert got.saContextId == context_id
        assert not got.inboundSa
        assert not got.outboundSa


@pytest.mark.parametrize("context_id", [1, 2**53 + 1, 2**63, 2**64 - 1])
def test_id_is_kept_and_replaced(simulator: Simulator, wfp: Wfp, context_id: int) -> None:
    tree = Tree()
    tree.context.saContextId = context_id
    assert tree.put(simulator) == context_id
    tree.inbound(Details(ipVersion=V6))
    assert tree.put(simulator) == context_id

    assert simulator.ids() == wfp.ids() == [context_id]
    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        assert got.inboundSa.contents.ipVersion == V6
    assert simulator.delete(context_id)
    assert not simulator.delete(context_id)
    assert tree.put(simulator) == context_id
    assert simulator.count() == 1


def test_counts_with_null_arrays_are_kept(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    details = Details()
    details.saBundle.numSAs = 2
    details.saBundle.ipsecId = tree.point(Id, Id(numTokens=3))
    details.transportFilter = tree.point(Filter, Filter(numFilterConditions=4))
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        bundle = got.inboundSa.contents.saBundle
        assert (bundle.numSAs, bool(bundle.saList)) == (2, False)
        identity = bundle.ipsecId.contents
        assert (identity.numTokens, bool(identity.tokens)) == (3, False)
        transport = got.inboundSa.contents.transportFilter.contents
        assert (transport.numFilterConditions, bool(transport.filterCondition)) == (4, False)


def test_unknown_transforms_and_values_are_plain_bytes(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    details = Details(ipVersion=77, saDirection=0xFFFFFFFF)
    details.saBundle.pfsGroup = 99
    details.saBundle.numSAs = 1
    details.saBundle.saList = tree.point(Sa, Sa(5, 200, 0xDEADBEEFDEADBEEF))
    condition = Condition()
    condition.matchType = 1000
    condition.conditionValue.type = 19
    condition.conditionValue.raw = 0x0123456789ABCDEF
    details.transportFilter = tree.point(
        Filter,
        Filter(numFilterConditions=1, filterCondition=tree.point(Condition, condition)),
    )
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        sa = got.inboundSa.contents
        assert (sa.ipVersion, sa.saDirection, sa.saBundle.pfsGroup) == (77, 0xFFFFFFFF, 99)
        listed = sa.saBundle.saList[0]
        assert (listed.transformType, listed.information) == (200, 0xDEADBEEFDEADBEEF)
        copied = sa.transportFilter.contents.filterCondition[0]
        assert (copied.matchType, copied.conditionValue.type) == (1000, 19)
        assert copied.conditionValue.raw == 0x0123456789ABCDEF


def test_udp_encapsulation_is_followed_for_ipv4_only(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    v6 = tree.inbound(Details(ipVersion=V6, udpEncapsulation=0x1)).put(simulator)
    ports = (u16 * 2)(4500, 1025)
    v4 = tree.inbound(Details(ipVersion=V4, udpEncapsulation=tree.at(ports))).put(simulator)

    with wfp.session() as engine:
        with wfp.get(engine, v6) as got:
            assert got.inboundSa.contents.udpEncapsulation == 0x1
        with wfp.get(engine, v4) as got:
            copied = got.inboundSa.contents.udpEncapsulation
            assert copied != ctypes.addressof(ports)
            assert list((u16 * 2).from_address(copied)) == [4500, 1025]


@pytest.mark.parametrize("transform", [1, 2, 3, 4, 5])
def test_secrets_become_canaries_of_their_size(
    simulator: Simulator, wfp: Wfp, transform: int
) -> None:
    tree = Tree()
    details = Details()
    one = Transform(1, 1, None, tree.blob(b"k" * 45))
    both = AuthAndCipher(Transform(3, 3, None, tree.blob(b"c" * 16)), one)
    details.saBundle.numSAs = 1
    details.saBundle.saList = tree.point(
        Sa, Sa(5, transform, tree.at(both if transform == 4 else one))
    )
    state = KeyModuleState(stateBlob=tree.blob(b"s" * 5))
    details.saBundle.keyModuleState = tree.point(KeyModuleState, state)
    tokens = (Token * 2)(Token(0, 1, 0, 11), Token(1, 0, 1, 22))
    identity = Id(numTokens=2, tokens=tree.point(Token, tokens), explicitCredentials=33, logonId=44)
    details.saBundle.ipsecId = tree.point(Id, identity)
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        sa = got.inboundSa.contents
        secrets = list(secrets_of(sa))
        assert [each for each in secrets if isinstance(each, int)] == [CANARY_NUMBER] * 3
        sizes = [45, 16, 5] if transform == 4 else [45, 5]
        blobs = [each for each in secrets if isinstance(each, bytes)]
        assert blobs == [(CANARY * 3)[:size] for size in sizes]
        assert sa.saBundle.ipsecId.contents.logonId == 44
        assert sa.saBundle.ipsecId.contents.tokens[1].type == 1


def test_information_and_keys_may_be_null(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    details = Details()
    keyless = Transform(1, 1, None, Blob(20, None))
    empty = Transform(1, 1, None, Blob(0, tree.at((u8 * 1)())))
    details.saBundle.numSAs = 7
    listed = (Sa * 7)(
        *(Sa(i, i, None) for i in range(1, 6)), Sa(6, 1, tree.at(keyless)), Sa(7, 1, tree.at(empty))
    )
    details.saBundle.saList = tree.point(Sa, listed)
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        copied = got.inboundSa.contents.saBundle.saList
        assert [copied[i].information for i in range(5)] == [None] * 5
        key = Transform.from_address(copied[5].information).key
        assert (key.size, key.data) == (20, None)
        key = Transform.from_address(copied[6].information).key
        assert (key.size, bool(key.data)) == (0, True)


def test_strings_are_code_units(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    details = Details()
    identity = Id(mmTargetName=tree.string(LONE_SURROGATE), emTargetName=tree.string(b""))
    details.saBundle.ipsecId = tree.point(Id, identity)
    long = "x" * 10_000
    details.transportFilter = tree.point(Filter, Filter(name=tree.string(long.encode("utf-16-le"))))
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        copied = got.inboundSa.contents.saBundle.ipsecId.contents
        assert text_at(copied.mmTargetName) == LONE_SURROGATE
        assert text_at(copied.emTargetName) == b""
        name = text_at(got.inboundSa.contents.transportFilter.contents.name)
        assert name == long.encode("utf-16-le")


def sid(tree: Tree, *authorities: int) -> int:
    content = bytes([1, len(authorities), 0, 0, 0, 0, 0, 5])
    content += b"".join(each.to_bytes(4, "little") for each in authorities)
    return tree.at(ctypes.create_string_buffer(content, len(content)))


def test_values_behind_pointers_are_copied(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    content = bytes(range(17))
    plain = {4: 8, 8: 8, 10: 8, 11: 16, 18: 6, 256: 8, 257: 17}
    pointers = {kind: tree.at(ctypes.create_string_buffer(content, 17)) for kind in plain}
    pointers |= {kind: tree.at(tree.blob(b"blob")) for kind in (12, 14, 16)}
    pointers[13] = sid(tree, 21, 1, 2, 3, 500)
    pointers[17] = tree.string(LONE_SURROGATE)
    pointers[258] = tree.at(Range())
    sids = (u64 * 2)(sid(tree, 18), 7)
    pointers[15] = tree.at((u64 * 4)(1, tree.at(sids), 0, 0))
    low = Range.from_address(pointers[258]).low
    low.type, low.pointer = 11, pointers[11]

    conditions = (Condition * (len(pointers) * 2))()
    for i, (kind, address) in enumerate(pointers.items()):
        conditions[i].conditionValue.type = conditions[-1 - i].conditionValue.type = kind
        conditions[i].conditionValue.pointer = address
    transport = Filter(numFilterConditions=len(conditions), providerData=tree.blob(b"provider"))
    transport.filterCondition = tree.point(Condition, conditions)
    transport.weight.type, transport.weight.pointer = 4, pointers[4]
    transport.providerKey = pointers[11]
    details = Details(transportFilter=tree.point(Filter, transport))
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id) as got:
        copy = got.inboundSa.contents.transportFilter.contents
        values = [copy.filterCondition[i].conditionValue for i in range(len(conditions))]
        at = {value.type: value.pointer for value in values[: len(pointers)]}
        assert [value.pointer for value in values[len(pointers) :]] == [None] * len(pointers)
        assert at.keys() == pointers.keys()
        assert not set(at.values()) & set(pointers.values())
        for kind, size in plain.items():
            assert ctypes.string_at(at[kind], size) == content[:size]
        for kind in (12, 14, 16):
            assert blob_bytes(Blob.from_address(at[kind])) == b"blob"
        assert ctypes.string_at(at[13], 28) == ctypes.string_at(pointers[13], 28)
        assert text_at(at[17]) == LONE_SURROGATE
        nested = Range.from_address(at[258])
        assert nested.low.type == 11
        assert ctypes.string_at(nested.low.pointer, 16) == content[:16]
        count, copied_sids, restricted_count, restricted = (u64 * 4).from_address(at[15])
        assert (count, restricted_count, restricted) == (1, 0, 0)
        copied_sid, attributes = (u64 * 2).from_address(copied_sids)
        assert attributes == 7
        assert ctypes.string_at(copied_sid, 12) == ctypes.string_at(sids[0], 12)
        assert ctypes.string_at(copy.weight.pointer, 8) == content[:8]
        assert ctypes.string_at(copy.providerKey, 16) == content[:16]
        assert blob_bytes(copy.providerData) == b"provider"


def test_put_survives_in_snapshots_of_contents(simulator: Simulator, wfp: Wfp) -> None:
    simulator.set_option(Option.SNAPSHOT_CONTENTS)
    tree = Tree().inbound(Details(ipVersion=V6))
    context_id = tree.put(simulator)
    with wfp.session() as engine:
        handle = wfp.create(engine)
        simulator.delete(context_id)
        page = wfp.next(engine, handle, 10)
        assert page.contexts[0].inboundSa.contents.ipVersion == V6
        wfp.free(page.entries)
        wfp.destroy(engine, handle)


def test_put_is_negotiated_anew_with_the_others(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(3)
    Tree().inbound(Details(ipVersion=V6)).put(simulator)
    ids = simulator.ids()
    simulator.stop_engine()
    simulator.start_engine()

    assert simulator.ids() == ids
    with wfp.session() as engine, wfp.get(engine, ids[-1]) as got:
        assert got.saContextId == ids[-1]
        assert got.inboundSa.contents.ipVersion == V6


def test_both_generations_read_what_was_put(simulator: Simulator, wfp: Wfp) -> None:
    tree = Tree()
    details = Details(ipVersion=V4)
    details.traffic.remote.v4 = 0x0A000001
    details.traffic.remotePort = 443
    context_id = tree.inbound(details).put(simulator)

    with wfp.session() as engine, wfp.get(engine, context_id, 0) as got:
        assert isinstance(got, Context0)
        assert got.inboundSa.contents.remote.v4 == 0x0A000001
        assert got.inboundSa.contents.remotePort == 443
