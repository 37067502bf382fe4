"""The JSON texts of a snapshot, in blocks that can be sent as they are.

How texts are stored: consecutive texts are joined into blocks, with a comma before each
text, so that a page is a few slices of memory instead of a thousand. An unchanged text
stays in its block, and later snapshots refer to it there. A run is a sequence of texts
that follow each other in one block. If runs become too short, or too much of the blocks
is unused, the texts are copied into new blocks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol


BLOCK_TEXTS: Final = 100
"""Number of texts per block, as many as on a page by default: some 500 kB."""

PIECE_BYTES: Final = 256 << 10
"""Maximum size of joined pieces: small pieces are joined, because each send has a cost."""

BYTES_PER_OBJECT: Final = 200
"""The approximate size of an object apart from its JSON text: id, index key and position."""

MIN_RUN: Final = 4
"""The minimum average number of texts per run; below it, the texts are copied.

`BLOCK_TEXTS / MIN_RUN` runs are not counted, so a few short runs are accepted.
"""

MAX_WASTE: Final = 0.25
"""The maximum ratio of unused to used bytes in the blocks; above it, the texts are copied.

`PIECE_BYTES` unused bytes are not counted.
"""


class Span(NamedTuple):
    """The place of a text in its block."""

    block: bytes
    start: int
    end: int


class Texts(Protocol):
    """The JSON texts of a snapshot, by position."""

    @property
    def parts(self) -> Mapping[int, int]:
        """The sizes in bytes of what other texts may share, by the `id` of the shared object."""

    @property
    def own_bytes(self) -> int:
        """The approximate size in bytes of what no other texts share."""

    @property
    def size(self) -> int:
        """The size of all texts in bytes."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> bytes: ...

    def span(self, position: int) -> Span:
        """Return the place of the text at a position."""

    def pieces(self, positions: Sequence[int]) -> Iterator[bytes]:
        """Yield the texts at these positions, each after a comma, joined into few pieces."""

    def length(self, positions: Sequence[int]) -> int:
        """Return the total size of the pieces for these positions, in bytes."""


class JsonBlocks:
    """Immutable JSON texts by position.

    Attributes:
        size: the size of all texts in bytes, without commas.
        blocks: the distinct blocks.
    """

    def __init__(
        self, firsts: array[int], blocks: list[bytes], starts: array[int], ends: array[int]
    ) -> None:
        """Store texts as runs; see the module.

        Args:
            firsts: the position of the first text of each run, ascending.
            blocks: the block of each run.
            starts: the offset of each text in its block.
            ends: the offset of each text's end.
        """
        self._firsts = firsts
        self._run_blocks = blocks
        self._starts = starts
        self._ends = ends
        self.size = sum(ends) - sum(starts)
        self.blocks = tuple({id(block): block for block in blocks}.values())

    @property
    def parts(self) -> Mapping[int, int]:
        """The sizes of the blocks by their `id`."""
        return {id(block): len(block) for block in self.blocks}

    @property
    def own_bytes(self) -> int:
        """The approximate size of everything but the blocks, in bytes."""
        return len(self) * BYTES_PER_OBJECT

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int) -> bytes:
        block, start, end = self.span(position)
        return block[start:end]

    def span(self, position: int) -> Span:
        """Return the place of the text at a position."""
        run = bisect_right(self._firsts, position) - 1
        return Span(self._run_blocks[run], self._starts[position], self._ends[position])

    def pieces(self, positions: Sequence[int]) -> Iterator[bytes]:
        """Yield the texts at these positions, each after a comma, joined into few pieces.

        Each piece is made only when it is needed, so a slow client costs the memory of one piece.
        """
        if isinstance(positions, range):
            return joined(self._slices(positions.start, positions.stop))
        return joined(b"," + self[position] for position in positions)

    def length(self, positions: Sequence[int]) -> int:
        """Return the total size of the pieces for these positions, in bytes."""
        starts, ends = self._starts, self._ends
        return sum(ends[position] - starts[position] + 1 for position in positions)

    @property
    def is_scattered(self) -> bool:
        """Whether the texts should be copied into new blocks."""
        allocated = sum(map(len, self.blocks))
        return (
            len(self._firsts) * MIN_RUN > len(self) + BLOCK_TEXTS
            or allocated > self.size * (1 + MAX_WASTE) + PIECE_BYTES
        )

    def _slices(self, start: int, stop: int) -> Iterator[bytes]:
        run = bisect_right(self._firsts, start) - 1
        while start < stop:
            end = self._firsts[run + 1] if run + 1 < len(self._firsts) else len(self)
            end = min(end, stop)
            # A whole block is not copied: a full slice of a bytes object is the object itself.
            yield self._run_blocks[run][self._starts[start] - 1 : self._ends[end - 1]]
            start, run = end, run + 1


class JsonBlocksBuilder:
    """Builds `JsonBlocks` from new texts and from texts in existing blocks."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._numbers: dict[int, int] = {}
        self._open: list[bytes] = []
        self._open_number = -1
        self._open_bytes = 0
        self._block_numbers = array("I")
        self._starts = array("I")
        self._ends = array("I")

    def add(self, text: bytes) -> None:
        """Append a new text."""
        if self._open_number < 0:
            self._open_number = len(self._blocks)
            self._blocks.append(b"")
        start = self._open_bytes + 1
        end = self._open_bytes = start + len(text)
        self._open += (b",", text)
        self._record(self._open_number, start, end)
        if len(self._open) == 2 * BLOCK_TEXTS:
            self._close_block()

    def reuse(self, span: Span) -> None:
        """Append a text of an existing block without copying it."""
        number = self._numbers.get(id(span.block))
        if number is None:
            number = self._numbers[id(span.block)] = len(self._blocks)
            self._blocks.append(span.block)
        self._record(number, span.start, span.end)

    def build(self, order: Sequence[int] | None = None) -> JsonBlocks:
        """Return the texts appended so far, in the given order of positions, if any."""
        self._close_block()
        block_numbers, starts, ends = (
            column[:] if order is None else array("I", map(column.__getitem__, order))
            for column in (self._block_numbers, self._starts, self._ends)
        )
        texts = self._with_runs(block_numbers, starts, ends)
        return _copied(texts) if texts.is_scattered else texts

    def _with_runs(
        self, block_numbers: array[int], starts: array[int], ends: array[int]
    ) -> JsonBlocks:
        firsts, blocks = array("I"), []
        last_number, last_end = -1, -1
        columns = zip(block_numbers, starts, ends, strict=True)
        for position, (number, start, end) in enumerate(columns):
            if number != last_number or start != last_end + 1:
                firsts.append(position)
                blocks.append(self._blocks[number])
            last_number, last_end = number, end
        return JsonBlocks(firsts, blocks, starts, ends)

    def _record(self, number: int, start: int, end: int) -> None:
        self._block_numbers.append(number)
        self._starts.append(start)
        self._ends.append(end)

    def _close_block(self) -> None:
        if self._open:
            self._blocks[self._open_number] = b"".join(self._open)
            self._open, self._open_number, self._open_bytes = [], -1, 0


def _copied(texts: JsonBlocks) -> JsonBlocks:
    """Return the texts in new blocks, which share no memory with the old ones."""
    builder = JsonBlocksBuilder()
    for position in range(len(texts)):
        builder.add(texts[position])
    return builder.build()


def joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces; join small adjacent ones."""
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
