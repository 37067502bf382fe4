"""Check that the compiled step writes exactly the bytes that `app.resources` encodes."""

from __future__ import annotations

from random import Random
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.resources.sa_contexts.encoding import encode_sa_context
from benchmarks.compiled import odd_trees
from benchmarks.compiled.step import CompiledStep, ffi
from benchmarks.fixture import arrays
from bindings.addresses import Ipv6Order
from bindings.decode import decode_sa_context
from bindings.memory import read_pointers
from bindings.session import Session
from bindings.tree import read_sa_context
from tests.bindings.trees import Tree, trees


UNTOUCHED: Final = 0xEE
"""The byte that fills the memory behind a buffer; the compiled step must not overwrite it."""


def check(step: CompiledStep, session: Session, any_trees: int) -> None:
    """Assert equality for all contexts of the engine, for odd trees and for arbitrary ones.

    Args:
        step: the compiled step.
        session: a session with the fixture's engine.
        any_trees: how many trees of `tests.bindings.trees` to try. Their pointers to secrets lead
            to unmapped memory, so code that follows such a pointer crashes.
    """
    for array, count in arrays(session):
        expected = [_expected(entry, step) for entry in read_pointers(array, count, count)]
        assert step.texts(array, count) == expected, "the compiled step writes otherwise"

    @settings(
        max_examples=any_trees,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(trees(), st.randoms(use_true_random=False))
    def check_any(tree: Tree, random: Random) -> None:
        odd_trees.shape(tree, random)
        _check_tree(step, tree)

    check_any()
    for tree in odd_trees.each():
        _check_tree(step, tree)


def _check_tree(step: CompiledStep, tree: Tree) -> None:
    expected = _expected(tree.address, step)
    array = ffi.new("uintptr_t[1]", [tree.address])
    assert step.texts(int(ffi.cast("uintptr_t", array)), 1) == [expected]
    for room in (len(expected), len(expected) - 1, len(expected) // 2, 0):
        assert _written_into(step, array, room) == (expected if room == len(expected) else None)


def _expected(entry: int, step: CompiledStep) -> bytes:
    context = decode_sa_context(read_sa_context(entry, 1, Ipv6Order.NETWORK))
    return encode_sa_context(context, baseline=step.baseline)


def _written_into(step: CompiledStep, array: object, room: int) -> bytes | None:
    """Return what the step writes into a buffer of `room` bytes; None if the context does not fit.

    Assert that the step writes nothing behind the buffer.
    """
    beyond = bytes([UNTOUCHED]) * 64
    buffer, ends = ffi.new("char[]", bytes(room) + beyond), ffi.new("uint32_t[1]")
    fitted = step.encode(ffi.cast("void **", array), 1, step.judged_by, buffer, room, ends)
    memory: bytes = ffi.buffer(buffer)[0 : room + len(beyond)]
    assert memory[room:] == beyond, "the compiled step writes beyond its buffer"
    return memory[: ends[0]] if fitted else None
