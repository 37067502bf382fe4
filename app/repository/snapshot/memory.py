"""The memory that several snapshots use together: shared blocks count once."""

from __future__ import annotations

from collections import Counter
from typing import Final

from app.repository.snapshot.blocks import JsonBlocks


BYTES_PER_OBJECT: Final = 200
"""The approximate size of an object apart from its JSON text: id, index key and position."""


class SharedMemory:
    """Reference counts of retained texts and their blocks.

    Attributes:
        bytes: the approximate memory of the texts, kept up to date by `add` and `remove`.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._texts: Counter[int] = Counter()
        self._blocks: Counter[int] = Counter()

    def add(self, texts: JsonBlocks) -> None:
        """Add a reference to the texts."""
        self.bytes += self.additional_bytes(texts)
        if not self._texts[id(texts)]:
            self._blocks.update(map(id, texts.blocks))
        self._texts[id(texts)] += 1

    def remove(self, texts: JsonBlocks) -> None:
        """Remove a reference to the texts."""
        self._texts[id(texts)] -= 1
        if not self._texts[id(texts)]:
            del self._texts[id(texts)]
            for block in texts.blocks:
                self._blocks[id(block)] -= 1
                if not self._blocks[id(block)]:
                    del self._blocks[id(block)]
            self.bytes -= self.additional_bytes(texts)

    def additional_bytes(self, texts: JsonBlocks) -> int:
        """Return how much `bytes` would grow if these texts were added."""
        if id(texts) in self._texts:
            return 0
        blocks = sum(len(block) for block in texts.blocks if id(block) not in self._blocks)
        return blocks + len(texts) * BYTES_PER_OBJECT
