"""How a store explains the end of objects: by what saw them begin and end.

The store knows only that an object is gone. An `EndRecorder` of its resource can say more: how long
the object existed, and why it probably ended. What it says is part of the change in the journal, so
that every watcher and every list shows the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from app.repository.snapshot.model import Change, Item, Snapshot
from app.repository.snapshot.state import CurrentState


class Moment(NamedTuple):
    """The time at which the server learnt of changes.

    Attributes:
        time: in UTC, for people.
        seconds: on the store's clock, to measure durations.
    """

    time: datetime
    seconds: float


class EndRecorder(Protocol):
    """Records the beginning and the end of the objects of one store.

    The store calls it from a thread, but never twice at the same time.
    """

    def explain(
        self,
        changes: tuple[Change, ...],
        item_before: Callable[[int], Item | None],
        moment: Moment,
    ) -> tuple[Change, ...]:
        """Return the changes, with `ending` set on the deleted objects.

        Args:
            changes: the changes of one revision.
            item_before: returns an object as it was before the changes, by its id.
            moment: when the server learnt of the changes.
        """

    def restart(
        self,
        before: CurrentState | None,
        snapshot: Snapshot,
        moment: Moment,
        *,
        is_new_session: bool,
    ) -> None:
        """Continue with a snapshot whose changes are not known one by one.

        Args:
            before: the state before; None if there was none, or if it is not comparable.
            snapshot: the objects now.
            moment: when the server learnt of them.
            is_new_session: whether the session with the engine is new, so that the engine may
                have restarted.
        """


class NoEndRecorder:
    """Explains nothing."""

    def explain(self, changes: tuple[Change, ...], *_: object) -> tuple[Change, ...]:
        """Return the changes as they are."""
        return changes

    def restart(self, *_: object, **__: object) -> None:
        """Do nothing."""
