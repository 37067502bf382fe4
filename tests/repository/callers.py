"""Work on behalf of a caller."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from app.repository.fairness import CALLER


@contextmanager
def calling(caller: Hashable) -> Iterator[None]:
    """Be this caller for the duration of the block."""
    token = CALLER.set(caller)
    try:
        yield
    finally:
        CALLER.reset(token)
