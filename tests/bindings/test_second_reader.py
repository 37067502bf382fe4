"""The decoder against a second reader of the same memory, which shares no code with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from sa_contexts_simulator import LIBRARY, Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.decode import decode_sa_context
from bindings.library import Library
from bindings.records import SaContext, SaDetails
from bindings.session import Session
from bindings.tree import read_sa_context

from .second_reader import read_context
from .structs import ABI
from .trees import Tree, trees


V6 = 1  # FWP_IP_VERSION_V6

any_tree = settings(max_examples=150)


@pytest.fixture
def second_simulator() -> Iterator[Simulator]:
    simulator = Simulator(LIBRARY)
    simulator.reset()
    yield simulator
    simulator.reset()


@pytest.fixture
def second_session(second_simulator: Simulator) -> Iterator[Session]:
    with Session(Library(second_simulator.path)) as session:
        yield session


def differences(first: Any, second: Any, path: str = "context") -> list[str]:
    """Return where two records differ, in type or value; NaN equals NaN."""
    if type(first) is not type(second):
        return [f"{path}: {first!r}, not {second!r}"]
    if isinstance(first, tuple):
        names = getattr(first, "_fields", range(len(first)))
        found = [] if len(first) == len(second) else [f"{path}: {len(first)}, not {len(second)}"]
        for name, ours, theirs in zip(names, first, second, strict=False):
            found += differences(ours, theirs, f"{path}.{name}")
        return found
    if isinstance(first, float):
        first, second = first.hex(), second.hex()  # NaN is "nan", and -0.0 is not 0.0
    return [] if first == second else [f"{path}: {first!r}, not {second!r}"]


def decoded(address: int, generation: int) -> SaContext:
    return decode_sa_context(read_sa_context(address, generation, Ipv6Order.NETWORK))


def enumerated(session: Session, generation: int, page: int = 200) -> Iterator[int]:
    """The address of each context, whose memory is the engine's until the next one."""
    handle, returned = ffi.new("HANDLE *"), ffi.new("UINT32 *")
    session.call("IPsecSaContextCreateEnumHandle0", ffi.NULL, handle)
    more = True
    while more:
        with session.result(f"IPSEC_SA_CONTEXT{generation} ***") as entries:
            session.call(f"IPsecSaContextEnum{generation}", handle[0], page, entries, returned)
            for i in range(returned[0]):
                yield int(ffi.cast("uintptr_t", entries[0][i]))
        more = returned[0] == page
    session.call("IPsecSaContextDestroyEnumHandle0", handle[0])


def as_generation_0(context: SaContext) -> SaContext:
    """The record without what the structs of generation 0 lack."""

    def older(details: SaDetails | None) -> SaDetails | None:
        return details and details._replace(
            traffic=details.traffic._replace(
                local_port=None, ip_protocol=None, local_if_luid=None, real_if_profile_id=None
            ),
            sa_bundle=details.sa_bundle._replace(sa_lookup_context=None, qm_filter_id=None),
            virtual_if_tunnel_info=None,
        )

    return context._replace(
        inbound_sa=older(context.inbound_sa), outbound_sa=older(context.outbound_sa)
    )


@pytest.mark.parametrize("generation", [0, 1])
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_both_readers_agree_on_what_the_engine_gives(
    second_simulator: Simulator, second_session: Session, seed: int, generation: int
) -> None:
    second_simulator.populate(500, seed)
    second_simulator.churn(250)

    seen = []
    for address in enumerated(second_session, generation):
        first, second = decoded(address, generation), read_context(address, generation)
        assert differences(first, second) == []
        seen.append(second.sa_context_id)

    assert sorted(seen) == second_simulator.ids()
    assert len(seen) > 400


@any_tree
@given(tree=trees(generation=1))
def test_both_readers_agree_on_any_tree(tree: Tree) -> None:
    assert differences(decoded(tree.address, 1), read_context(tree.address, 1)) == []


@any_tree
@given(tree=trees(generation=0))
def test_both_readers_agree_on_any_tree_of_generation_0(tree: Tree) -> None:
    assert differences(decoded(tree.address, 0), read_context(tree.address, 0)) == []


@any_tree
@given(tree=trees(copyable=True))
def test_any_tree_comes_through_the_engine_as_it_was(
    second_simulator: Simulator, second_session: Session, tree: Tree
) -> None:
    second_simulator.populate(0)
    second_simulator.put(tree.address)
    original = read_context(tree.address)

    for generation, expected in (1, original), (0, as_generation_0(original)):
        seen = 0
        for address in enumerated(second_session, generation):
            assert differences(read_context(address, generation), expected) == []
            assert differences(decoded(address, generation), expected) == []
            seen += 1
        assert seen == 1
    assert second_simulator.ids() == [original.sa_context_id]


@any_tree
@given(tree=trees())
def test_a_reversed_order_turns_the_ipv6_addresses_of_traffic_and_nothing_else(
    tree: Tree,
) -> None:
    def reversed_traffic(details: SaDetails | None) -> SaDetails | None:
        if details is None or details.traffic.ip_version != V6:
            return details
        local, remote = details.traffic.local_address, details.traffic.remote_address
        assert local is not None
        assert remote is not None
        return details._replace(
            traffic=details.traffic._replace(local_address=local[::-1], remote_address=remote[::-1])
        )

    context = read_context(tree.address)
    expected = context._replace(
        inbound_sa=reversed_traffic(context.inbound_sa),
        outbound_sa=reversed_traffic(context.outbound_sa),
    )
    turned = decode_sa_context(read_sa_context(tree.address, 1, Ipv6Order.REVERSED))
    assert differences(turned, expected) == []


# ---- values against Microsoft's words, not only against each other ----


def tree_of_weight(data_type: str, union: Any) -> Tree:
    """A context whose inbound filter has this FWP_VALUE0 as its weight."""
    tree = Tree()
    details = tree.context.inboundSa = tree.new("IPSEC_SA_DETAILS1")
    details.transportFilter = tree.new("FWPM_FILTER0")
    types = ffi.typeof("FWP_DATA_TYPE").relements
    details.transportFilter.weight.type = types[data_type]
    details.transportFilter.weight.uint64 = ffi.cast("UINT64 *", union)
    return tree


def weights(tree: Tree) -> list[object]:
    """The value of the weight as each reader reads it."""
    contexts = decoded(tree.address, 1), read_context(tree.address)
    return [
        context.inbound_sa.transport_filter.weight.value
        for context in contexts
        if context.inbound_sa and context.inbound_sa.transport_filter
    ]


@pytest.mark.parametrize(
    ("authority", "text"),
    [
        (0, "S-1-0-7"),
        (5, "S-1-5-7"),
        (2**32 - 1, "S-1-4294967295-7"),
        (2**32, "S-1-0x000100000000-7"),
        (0x206C277C6666, "S-1-0x206c277c6666-7"),
    ],
)
def test_authorities_from_2_to_the_32_are_hexadecimal(authority: int, text: str) -> None:
    """[MS-DTYP] 2.4.2.1."""
    sid = ffi.new("UINT8[]", bytes((1, 1)) + authority.to_bytes(6, "big") + bytes((7, 0, 0, 0)))

    assert weights(tree_of_weight("FWP_SID", sid)) == [text, text]


@pytest.mark.parametrize("name", ["FWP_V4_ADDR_MASK", "FWP_V6_ADDR_MASK", "FWP_RANGE_TYPE"])
def test_masks_and_ranges_are_for_conditions_only(name: str) -> None:
    """The union of a FWP_VALUE0 has no arm for them (fwptypes.h)."""
    content = ffi.new("UINT64[4]")

    assert weights(tree_of_weight(name, content)) == [None, None]


# ---- every byte ----

UNREAD = {
    "IPSEC_SA_AUTH_INFORMATION0": {"authKey"},
    "IPSEC_SA_CIPHER_INFORMATION0": {"cipherKey"},
    "IPSEC_KEYMODULE_STATE0": {"stateBlob"},
    "IPSEC_ID0": {"explicitCredentials", "logonId"},
    "IPSEC_TOKEN0": {"token"},
    "FWPM_FILTER0": {"providerData", "rawContext", "providerContextKey", "reserved"},
}
"""What no record has: secrets, handles to them, opaque bytes, and fields without a meaning."""

COUNTS = {"numSAs", "numTokens", "numFilterConditions"}


def complete_tree() -> Tree:
    """A context with one of everything; its values are UINT32, its traffic is IPv6."""
    tree = Tree()
    details = tree.context.inboundSa = tree.new("IPSEC_SA_DETAILS1")
    details.traffic.ipVersion = V6
    details.udpEncapsulation = tree.new("IPSEC_V4_UDP_ENCAPSULATION0")

    bundle = details.saBundle
    bundle.keyModuleState = tree.new("IPSEC_KEYMODULE_STATE0")
    identity = bundle.ipsecId = tree.new("IPSEC_ID0")
    identity.mmTargetName, identity.emTargetName = (tree.text(b"m\0"), tree.text(b"e\0"))
    identity.numTokens, identity.tokens = 1, tree.new("IPSEC_TOKEN0")
    bundle.numSAs, bundle.saList = 1, tree.new("IPSEC_SA0")
    bundle.saList.saTransformType = 4  # IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER
    both = tree.new("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0")
    bundle.saList.espAuthAndCipherInformation = both
    both.saAuthInformation.authTransform.cryptoModuleId = tree.new("GUID")
    both.saCipherInformation.cipherTransform.cryptoModuleId = tree.new("GUID")

    transport = details.transportFilter = tree.new("FWPM_FILTER0")
    transport.displayData.name = tree.text(b"n\0")
    transport.displayData.description = tree.text(b"d\0")
    transport.providerKey = tree.new("GUID")
    condition = tree.new("FWPM_FILTER_CONDITION0")
    transport.numFilterConditions, transport.filterCondition = 1, condition
    for value in transport.weight, transport.effectiveWeight, condition.conditionValue:
        value.type = 3  # FWP_UINT32
    return tree


def bytes_of(struct: str) -> tuple[set[int], set[int]]:
    """Return a struct's bytes that records contain, and those that determine how it is read."""
    read: set[int] = set()
    structure: set[int] = set()
    for name, field in ABI["structs"][struct]["fields"].items():
        kind, place = field["type"], range(field["offset"], field["offset"] + field["size"])
        if name in UNREAD.get(struct, ()):
            continue
        if struct in {"FWP_VALUE0", "FWP_CONDITION_VALUE0"} and name not in {"type", "uint32"}:
            continue
        if kind in ABI["structs"]:
            inner_read, inner_structure = bytes_of(kind)
            read |= {place.start + i for i in inner_read}
            structure |= {place.start + i for i in inner_structure}
        elif kind.endswith("*") or name in COUNTS:
            structure.update(place)
        else:
            read.update(place)
    return read, structure


def flips(tree: Tree) -> Iterator[tuple[str, int, bool]]:
    """Invert each byte of a complete tree in turn, except those that determine how it is read.

    Yields:
        The name of the byte's type, its place there, and whether a record has it.
    """
    for kind, part in tree.parts:
        memory = ffi.buffer(part)
        if kind in ABI["structs"]:
            read, structure = bytes_of(kind)
        else:
            read, structure = set(range(len(memory))), set()
        if kind == "char16_t[]":
            read, structure = {0, 1}, {2, 3}
        for i in set(range(len(memory))) - structure:
            original = memory[i]
            memory[i] = bytes((original[0] ^ 0xFF,))
            yield kind, i, i in read
            memory[i] = original


def test_every_byte_is_read_or_left_alone_as_the_records_say() -> None:
    tree = complete_tree()
    before = read_context(tree.address)
    checked = 0
    for kind, i, is_read in flips(tree):
        first, second = decoded(tree.address, 1), read_context(tree.address)
        assert differences(first, second) == [], (kind, i)
        assert bool(differences(second, before)) == is_read, (kind, i)
        checked += 1
    assert checked > 500
