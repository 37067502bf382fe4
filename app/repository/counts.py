"""Running counts of a list's objects, kept beside its snapshots."""

from __future__ import annotations

from typing import Protocol, Self

from app.repository.query.filters import Key


class Counts(Protocol):
    """Counts that follow each change, so that nothing is ever counted from the start."""

    def copy(self) -> Self:
        """Return the same counts, to be changed independently."""

    def add(self, key: Key) -> None:
        """Count an object by its index key."""

    def remove(self, key: Key) -> None:
        """Stop counting an object."""


class Uncounted:
    """Counts nothing, for resources without a summary."""

    def copy(self) -> Self:
        """Return these counts, which never change."""
        return self

    def add(self, key: Key) -> None:
        """Count nothing."""

    def remove(self, key: Key) -> None:
        """Count nothing."""
