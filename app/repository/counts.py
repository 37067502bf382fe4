"""Running counts of a resource's objects, kept with its snapshots."""

from __future__ import annotations

from typing import Protocol, Self

from app.repository.query.filters import Key


class Counts(Protocol):
    """Counts that are updated at each change, so that a summary need not scan all objects."""

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
