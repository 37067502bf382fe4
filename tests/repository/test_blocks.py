"""Texts are returned unchanged, and pages of them consist of few pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repository.snapshot.blocks import BLOCK_TEXTS, PIECE_BYTES, JsonBlocks, JsonBlocksBuilder


BODIES = st.lists(st.binary(min_size=1, max_size=12), max_size=40)


def built(bodies: list[bytes]) -> JsonBlocks:
    builder = JsonBlocksBuilder()
    for body in bodies:
        builder.add(body)
    return builder.build()


def listed(bodies: list[bytes]) -> bytes:
    return b"".join(b"," + body for body in bodies)


@given(BODIES, BODIES, st.data())
def test_texts_are_what_was_added_and_kept_in_the_order_asked_for(
    older: list[bytes], newer: list[bytes], data: st.DataObject
) -> None:
    before = built(older)
    builder = JsonBlocksBuilder()
    expected: list[bytes] = []
    kept = data.draw(st.lists(st.sampled_from(range(len(older))), unique=True)) if older else []
    for at in kept:
        builder.reuse(before.span(at))
        expected.append(older[at])
    for body in newer:
        builder.add(body)
        expected.append(body)
    order = data.draw(st.permutations(range(len(expected))))

    texts = builder.build(order)

    expected = [expected[at] for at in order]
    assert len(texts) == len(expected)
    assert [texts[at] for at in range(len(texts))] == expected
    assert texts.size == sum(map(len, expected))
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    shown = listed(expected[start:stop])
    assert b"".join(texts.pieces(range(start, stop))) == shown
    assert texts.length(range(start, stop)) == len(shown)
    some = data.draw(st.lists(st.sampled_from(range(len(expected))))) if expected else []
    assert b"".join(texts.pieces(some)) == listed([expected[at] for at in some])


def test_whole_blocks_are_given_as_they_are() -> None:
    body = b"x" * (PIECE_BYTES // BLOCK_TEXTS + 10)
    texts = built([body] * 10 * BLOCK_TEXTS)

    pieces = list(texts.pieces(range(10 * BLOCK_TEXTS)))

    assert len(pieces) == len(texts.blocks) == 10
    assert all(piece is block for piece, block in zip(pieces, texts.blocks, strict=True))


def test_small_pieces_are_joined() -> None:
    texts = built([b"x" * 10] * 10 * BLOCK_TEXTS)

    assert len(texts.blocks) == 10
    assert len(list(texts.pieces(range(10 * BLOCK_TEXTS)))) == 1


def test_what_is_kept_shares_its_blocks() -> None:
    before = built([b"x" * 1000] * 10 * BLOCK_TEXTS)
    builder = JsonBlocksBuilder()
    for at in range(10 * BLOCK_TEXTS):
        if at % 50:
            builder.reuse(before.span(at))
        else:
            builder.add(b"new")

    texts = builder.build()

    assert len(texts.blocks) == 11
    assert set(before.blocks) < set(texts.blocks)


@pytest.mark.parametrize("step", [2, 3])
def test_scattered_texts_are_written_anew_in_their_order(step: int) -> None:
    before = built([b"%04d" % at * 100 for at in range(10 * BLOCK_TEXTS)])
    builder = JsonBlocksBuilder()
    for at in range(10 * BLOCK_TEXTS):
        if at % step:
            builder.reuse(before.span(at))
        else:
            builder.add(b"new" * 100)

    texts = builder.build()

    assert not texts.is_scattered
    assert len(texts.blocks) == 10
    assert set(before.blocks).isdisjoint(texts.blocks)
    assert texts[1] == before[1]


def test_sparse_blocks_are_released() -> None:
    before = built([b"x" * 10_000] * 2 * BLOCK_TEXTS)
    builder = JsonBlocksBuilder()
    for at in range(BLOCK_TEXTS // 2):
        builder.reuse(before.span(at))

    texts = builder.build()

    assert sum(map(len, texts.blocks)) <= 1.25 * texts.size + PIECE_BYTES
    assert texts[7] == before[7]
