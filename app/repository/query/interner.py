"""Interned values: each stored once and named by a small number, which fits into an index key."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar


T = TypeVar("T", bound=Hashable)


class Interner(Generic[T]):
    """Values by number. Thread-safe.

    Nothing is ever removed: use it for values that combine a few public names.
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
