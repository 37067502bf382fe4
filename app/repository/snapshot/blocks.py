"""The JSON texts of a version, in blocks that are ready to be sent.

Texts that were read one after another stand in one block, each behind a comma,
so that a page is a few pieces of memory and not a thousand. What did not change
stays in the block where it is: a later version refers to it. When that leaves
too many small pieces, or blocks of which little is still shown, the texts are
written into new blocks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple


BLOCK_TEXTS: Final = 100
"""Texts in one block: some 500 kB, and as many as a page has where nobody says otherwise."""

PIECE_BYTES: Final = 256 << 10
"""Pieces smaller than this are joined before they are sent; each sending has its cost."""

MIN_RUN: Final = 4
"""Texts that follow each other in one block, on average; with fewer, new blocks are written."""

MAX_WASTE: Final = 0.25
"""How much more than what is shown the blocks may hold; with more, new blocks are written."""


class Span(NamedTuple):
    """Where a text is."""

    block: bytes
    start: int
    end: int


class JsonBlocks:
    """Immutable texts, by their position.

    Attributes:
        size: bytes of all texts.
        blocks: what the texts are in, each once.
    """

    def __init__(
        self, firsts: array[int], blocks: list[bytes], starts: array[int], ends: array[int]
    ) -> None:
        """Make texts of runs, which are texts that follow each other in one block.

        Args:
            firsts: the position of the first text of each run, ascending.
            blocks: the block of each run.
            starts: where each text begins in its block.
            ends: where it ends.
        """
        self._firsts = firsts
        self._run_blocks = blocks
        self._starts = starts
        self._ends = ends
        self.size = sum(ends) - sum(starts)
        self.blocks = tuple({id(block): block for block in blocks}.values())

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int) -> bytes:
        block, start, end = self.span(position)
        return block[start:end]

    def span(self, position: int) -> Span:
        """Where the text at a position is."""
        run = bisect_right(self._firsts, position) - 1
        return Span(self._run_blocks[run], self._starts[position], self._ends[position])

    def pieces(self, positions: Sequence[int]) -> Iterator[bytes]:
        """The texts of these positions, each behind a comma, in few pieces.

        Pieces are made as they are taken: who takes them slowly holds one, not all.
        """
        if isinstance(positions, range):
            return _joined(self._of_runs(positions.start, positions.stop))
        return _joined(b"," + self[position] for position in positions)

    def length(self, positions: Sequence[int]) -> int:
        """How many bytes the pieces of these positions have."""
        starts, ends = self._starts, self._ends
        return sum(ends[position] - starts[position] + 1 for position in positions)

    @property
    def is_scattered(self) -> bool:
        """Whether new blocks are worth writing."""
        held = sum(map(len, self.blocks))
        return (
            len(self._firsts) * MIN_RUN > len(self) + BLOCK_TEXTS
            or held > self.size * (1 + MAX_WASTE) + PIECE_BYTES
        )

    def _of_runs(self, start: int, stop: int) -> Iterator[bytes]:
        run = bisect_right(self._firsts, start) - 1
        while start < stop:
            end = self._firsts[run + 1] if run + 1 < len(self._firsts) else len(self)
            end = min(end, stop)
            # A whole block is given as it is: a slice of all of a bytes object is the object.
            yield self._run_blocks[run][self._starts[start] - 1 : self._ends[end - 1]]
            start, run = end, run + 1


class JsonBlocksBuilder:
    """Makes `JsonBlocks`, of new ones and of some that are in blocks already."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._numbers: dict[int, int] = {}
        self._open: list[bytes] = []
        self._open_number = -1
        self._open_bytes = 0
        self._of = array("I")
        self._starts = array("I")
        self._ends = array("I")

    def add(self, text: bytes) -> None:
        """Append a text that is in no block yet."""
        if self._open_number < 0:
            self._open_number = len(self._blocks)
            self._blocks.append(b"")
        start = self._open_bytes + 1
        end = self._open_bytes = start + len(text)
        self._open += (b",", text)
        self._record(self._open_number, start, end)
        if len(self._open) == 2 * BLOCK_TEXTS:
            self._close_block()

    def reuse(self, place: Span) -> None:
        """Append a text where it is."""
        number = self._numbers.get(id(place.block))
        if number is None:
            number = self._numbers[id(place.block)] = len(self._blocks)
            self._blocks.append(place.block)
        self._record(number, place.start, place.end)

    def build(self, order: Sequence[int] | None = None) -> JsonBlocks:
        """The texts so far, as they were appended or, where it is given, in this order."""
        self._close_block()
        of, starts, ends = (
            column[:] if order is None else array("I", map(column.__getitem__, order))
            for column in (self._of, self._starts, self._ends)
        )
        texts = self._with_runs(of, starts, ends)
        return _rewritten(texts) if texts.is_scattered else texts

    def _with_runs(self, of: array[int], starts: array[int], ends: array[int]) -> JsonBlocks:
        firsts, blocks = array("I"), []
        block_before, end_before = -1, -1
        for position, (block, start, end) in enumerate(zip(of, starts, ends, strict=True)):
            if block != block_before or start != end_before + 1:
                firsts.append(position)
                blocks.append(self._blocks[block])
            block_before, end_before = block, end
        return JsonBlocks(firsts, blocks, starts, ends)

    def _record(self, number: int, start: int, end: int) -> None:
        self._of.append(number)
        self._starts.append(start)
        self._ends.append(end)

    def _close_block(self) -> None:
        if self._open:
            self._blocks[self._open_number] = b"".join(self._open)
            self._open, self._open_number, self._open_bytes = [], -1, 0


def _rewritten(texts: JsonBlocks) -> JsonBlocks:
    """The same texts in new blocks, which share nothing with the old ones."""
    builder = JsonBlocksBuilder()
    for position in range(len(texts)):
        builder.add(texts[position])
    return builder.build()


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with small neighbours made one."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if size and size + len(piece) > PIECE_BYTES:
            yield b"".join(small)
            small, size = [], 0
        if len(piece) > PIECE_BYTES:
            yield piece
        else:
            small.append(piece)
            size += len(piece)
    if small:
        yield b"".join(small)
