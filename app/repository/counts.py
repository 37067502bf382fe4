"""Running counts of a resource's objects, kept beside its snapshots."""

from __future__ import annotations

from typing import Protocol, Self

from app.repository.query.filters import Key


class Counts(Protocol):
    """Counts that follow each change, so that no summary scans all objects."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def add(self, key: Key) -> None:
        """Count an object by its index key."""

    def remove(self, key: Key) -> None:
        """Stop counting an object."""


class Uncounted:
    """Counts nothing, for resources without a summary."""

    def copy(self) -> Self:
        """Return this object, which has no state."""
        return self

    def add(self, key: Key) -> None:
        """Ignore an object."""

    def remove(self, key: Key) -> None:
        """Ignore an object."""
