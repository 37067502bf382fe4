"""Fingerprints: different for different records, unaffected by unread bytes, keys above all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.fingerprints import FINGERPRINT_BYTES, fingerprint
from bindings.library import Library
from bindings.records import SaContext, SaDetails
from bindings.session import Session
from bindings.tree import local_if_luids, read_sa_context

from .second_reader import read_context
from .structs import ABI
from .test_second_reader import (
    COUNTS,
    UNREAD,
    V6,
    any_tree,
    complete_tree,
    differences,
    enumerated,
    flips,
)
from .trees import CANARY, Tree, trees


ANY_GENERATION = st.sampled_from([0, 1])


def marked(address: int, generation: int = 1, order: Ipv6Order = Ipv6Order.NETWORK) -> bytes:
    return fingerprint(read_sa_context(address, generation, order))


def directions(context: SaContext) -> list[SaDetails]:
    return [details for details in (context.inbound_sa, context.outbound_sa) if details is not None]


def test_each_byte_of_a_record_makes_another_mark_and_no_other_byte_does() -> None:
    tree = complete_tree()
    before = marked(tree.address)
    marks = {before}
    read = 0
    for kind, i, is_read in flips(tree):
        mark = marked(tree.address)
        assert (mark != before) == is_read, (kind, i)
        marks.add(mark)
        read += is_read

    assert marked(tree.address) == before
    assert len(marks) == read + 1
    assert {len(mark) for mark in marks} == {FINGERPRINT_BYTES}


# ---- any tree: what in it can be changed without leading a reader astray ----

DECISIVE = COUNTS | {"size", "sidCount", "restrictedSidCount", "saTransformType"}
VALUES = {"FWP_VALUE0", "FWP_CONDITION_VALUE0"}
POINTERS = ("*", "LPWSTR", "PSID_AND_ATTRIBUTES")


def leaves(struct: str) -> Iterator[int]:
    """Return a struct's recorded bytes that do not determine how others are read."""
    for name, field in ABI["structs"][struct]["fields"].items():
        place = range(field["offset"], field["offset"] + field["size"])
        if name in DECISIVE | UNREAD.get(struct, set()) or field["type"].endswith(POINTERS):
            continue
        if field["type"] in ABI["structs"]:
            if field["type"] not in VALUES:
                yield from (place.start + i for i in leaves(field["type"]))
        elif not (struct.startswith("IPSEC_SA_DETAILS") and name == "ipVersion"):
            yield from place


def hidden(struct: str) -> set[int]:
    """Return a struct's bytes that nobody may read: padding, and what `UNREAD` names."""
    found = set(range(ABI["structs"][struct]["size"]))
    for name, field in ABI["structs"][struct]["fields"].items():
        place = range(field["offset"], field["offset"] + field["size"])
        if name in UNREAD.get(struct, ()):
            continue
        found -= set(place)
        if field["type"] in ABI["structs"]:
            found |= {place.start + i for i in hidden(field["type"])}
    return found


def places(tree: Tree, *, are_hidden: bool) -> list[tuple[str, Any, int]]:
    """Bytes of a tree: of which type's memory, this memory, and where in it."""
    found = []
    for kind, part in tree.parts:
        memory = ffi.buffer(part)
        struct = kind.removesuffix("[]")
        of_one: set[int] = set()
        if struct in ABI["structs"]:
            if struct not in VALUES:
                of_one = hidden(struct) if are_hidden else set(leaves(struct))
        elif memory[: len(CANARY)] == CANARY:
            of_one = set(range(len(CANARY))) if are_hidden else set()
        elif not are_hidden and kind == "char16_t[]":
            of_one = set(range(len(memory) - 2))
        elif not are_hidden and struct in {"GUID", "UINT64", "double"}:
            of_one = set(range(len(memory)))
        elif not are_hidden and kind == "UINT8[]":  # of a blob, or of a SID with its count
            of_one = set(range(len(memory))) - {1}
        size = ABI["structs"][struct]["size"] if struct in ABI["structs"] else len(memory)
        starts = range(0, len(memory), size)
        found += [(kind, memory, start + i) for start in starts for i in sorted(of_one)]
    return found


@any_tree
@given(tree=ANY_GENERATION.flatmap(trees), data=st.data())
def test_other_records_have_other_marks_and_equal_ones_the_same(
    tree: Tree, data: st.DataObject
) -> None:
    record = read_context(tree.address, tree.generation)
    mark = marked(tree.address, tree.generation)
    some = data.draw(st.lists(st.sampled_from(places(tree, are_hidden=False)), max_size=10))
    for kind, memory, i in some:
        original = memory[i]
        memory[i] = bytes((original[0] ^ data.draw(st.integers(1, 255)),))
        is_other = bool(differences(read_context(tree.address, tree.generation), record))
        has_other_mark = marked(tree.address, tree.generation) != mark
        memory[i] = original
        # There are many NaNs, which are all the same in JSON.
        assert has_other_mark == is_other or (has_other_mark and kind == "double"), (kind, i)
    assert marked(tree.address, tree.generation) == mark


@any_tree
@given(tree=trees(copyable=True), data=st.data())
def test_secrets_and_padding_of_any_tree_are_in_no_mark(tree: Tree, data: st.DataObject) -> None:
    mark = marked(tree.address)
    some = places(tree, are_hidden=True)
    for _, memory, i in data.draw(st.lists(st.sampled_from(some), max_size=40)) if some else ():
        memory[i] = data.draw(st.binary(min_size=1, max_size=1))

    assert marked(tree.address) == mark


@any_tree
@given(tree=trees(copyable=True))
def test_a_mark_depends_on_the_generation_and_not_on_where_a_context_is(
    simulator: Simulator, library: Library, tree: Tree
) -> None:
    simulator.populate(0)
    simulator.put(tree.address)
    with Session(library) as session:
        older, newer, again = (
            [marked(address, generation) for address in enumerated(session, generation)]
            for generation in (0, 1, 1)
        )

    assert newer == again == [marked(tree.address)]
    assert (older == newer) == (directions(read_context(tree.address)) == [])


@any_tree
@given(tree=trees())
def test_a_mark_depends_on_the_order_of_ipv6_where_a_record_does(tree: Tree) -> None:
    is_other = any(
        address is not None and address != address[::-1]
        for details in directions(read_context(tree.address))
        for address in (details.traffic.local_address, details.traffic.remote_address)
        if details.traffic.ip_version == V6
    )

    assert (marked(tree.address, order=Ipv6Order.REVERSED) != marked(tree.address)) == is_other


@given(st.binary(min_size=2))
def test_equal_contexts_have_one_mark_whatever_objects_they_are_of(part: bytes) -> None:
    other = part[:1] + part[1:]
    assert other is not part

    assert fingerprint((1, (part, part), None)) == fingerprint((1, (part, other), None))


@given(*[st.lists(st.none() | st.text(max_size=2), max_size=2)] * 2)
def test_what_is_beside_a_context_is_in_its_mark(
    beside: list[str | None], other: list[str | None]
) -> None:
    context = (1, None, None)

    assert (fingerprint(context, *beside) == fingerprint(context, *other)) == (beside == other)


@any_tree
@given(tree=ANY_GENERATION.flatmap(trees))
def test_the_local_interfaces_are_those_of_the_record(tree: Tree) -> None:
    plain = read_sa_context(tree.address, tree.generation, Ipv6Order.NETWORK)

    assert local_if_luids(plain) == [
        details.traffic.local_if_luid
        for details in directions(read_context(tree.address, tree.generation))
        if details.traffic.local_if_luid is not None
    ]
