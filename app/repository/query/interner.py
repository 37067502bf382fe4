"""Interned values: each is stored once and has a small number, which fits into an index key."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from app.repository.query.filters import Selection


T = TypeVar("T", bound=Hashable)


class Interner(Generic[T]):
    """Values by number. Thread-safe.

    Values are never removed: intern only what has few values, never names or addresses.
    """

    def __init__(self) -> None:
        self._values: list[T] = []
        self._numbers: dict[T, int] = {}
        self._lock = Lock()

    def __getitem__(self, number: int) -> T:
        return self._values[number]

    def number(self, value: T) -> int:
        """Return the number of a value; a new value gets the next one."""
        number = self._numbers.get(value)
        if number is None:
            with self._lock:
                number = self._numbers.get(value)
                if number is None:
                    number = len(self._values)
                    self._values.append(value)
                    self._numbers[value] = number
        return number


class InternedCondition(dict[int, bool], Generic[T]):
    """Whether interned values match a selection, by their numbers; computed on first use."""

    def __init__(self, interner: Interner[T], selection: Selection, names: Iterable[str]) -> None:
        """Compare these fields of the selection with each value's fields of the same names."""
        super().__init__()
        self._interner = interner
        self._filters = [
            (name, frozenset(values)) for name in names if (values := getattr(selection, name))
        ]

    def __missing__(self, number: int) -> bool:
        value = self._interner[number]
        is_met = self[number] = all(
            not values.isdisjoint(getattr(value, name)) for name, values in self._filters
        )
        return is_met
