"""How many bytes the texts of several versions keep in memory: what they share counts once."""

from __future__ import annotations

from collections import Counter
from typing import Final

from app.repository.snapshot.blocks import JsonBlocks


BYTES_PER_CONTEXT: Final = 200
"""What a version has for each context besides its text: id, key and place, about."""


class SharedMemory:
    """Texts that are kept, each as often as it was added.

    Adding and removing looks at each block; `bytes` is a running count.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._texts: Counter[int] = Counter()
        self._blocks: Counter[int] = Counter()

    def add(self, texts: JsonBlocks) -> None:
        """Keep texts once more."""
        self.bytes += self.additional_bytes(texts)
        if not self._texts[id(texts)]:
            self._blocks.update(map(id, texts.blocks))
        self._texts[id(texts)] += 1

    def remove(self, texts: JsonBlocks) -> None:
        """Keep texts once less."""
        self._texts[id(texts)] -= 1
        if not self._texts[id(texts)]:
            del self._texts[id(texts)]
            for block in texts.blocks:
                self._blocks[id(block)] -= 1
                if not self._blocks[id(block)]:
                    del self._blocks[id(block)]
            self.bytes -= self.additional_bytes(texts)

    def additional_bytes(self, texts: JsonBlocks) -> int:
        """How many bytes more there are when these are kept, too."""
        if id(texts) in self._texts:
            return 0
        blocks = sum(len(block) for block in texts.blocks if id(block) not in self._blocks)
        return blocks + len(texts) * BYTES_PER_CONTEXT
