"""The memory that several snapshots use together: shared parts count once."""

from __future__ import annotations

from collections import Counter

from app.repository.snapshot.blocks import Texts


class SharedMemory:
    """Reference counts of retained texts and their parts.

    Attributes:
        bytes: the approximate memory of the texts, kept up to date by `add` and `remove`.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._texts: Counter[int] = Counter()
        self._parts: Counter[int] = Counter()

    def add(self, texts: Texts) -> None:
        """Add a reference to the texts."""
        self.bytes += self.additional_bytes(texts)
        if not self._texts[id(texts)]:
            self._parts.update(texts.parts.keys())
        self._texts[id(texts)] += 1

    def remove(self, texts: Texts) -> None:
        """Remove a reference to the texts."""
        self._texts[id(texts)] -= 1
        if not self._texts[id(texts)]:
            del self._texts[id(texts)]
            for part in texts.parts:
                self._parts[part] -= 1
                if not self._parts[part]:
                    del self._parts[part]
            self.bytes -= self.additional_bytes(texts)

    def additional_bytes(self, texts: Texts) -> int:
        """Return how much `bytes` would grow if these texts were added."""
        if id(texts) in self._texts:
            return 0
        parts = self._parts
        return texts.own_bytes + sum(
            size for part, size in texts.parts.items() if part not in parts
        )
