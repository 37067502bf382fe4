"""The journal: how far behind a position is."""

from __future__ import annotations

import pytest

from app.repository.changes.journal import Journal, Position
from app.repository.snapshot.model import Change, Item


@pytest.mark.parametrize(
    ("epoch", "place", "lag"),
    [
        ("a", Position(9), 0),
        ("a", Position(9, 1), 1),  # part of revision 9 is pending
        ("a", Position(6), 3),
        ("a", Position(6, 2), 4),
        ("a", Position(1), 8),  # which has expired
        ("a", Position(11), 0),  # announced, and pending
        ("b", Position(9), 4),  # everything kept
    ],
)
def test_the_lag_counts_revisions(epoch: str, place: Position, lag: int) -> None:
    journal = Journal(max_changes=4, max_bytes=1)
    journal.restart("a", 3)
    for revision in range(4, 10):
        journal.record(revision, (Change("deleted", revision, None, None),))

    assert journal.lag(epoch, place) == lag


def test_index_keys_count_because_their_names_may_be_long() -> None:
    journal = Journal(max_changes=100, max_bytes=1000)
    journal.restart("a", 1)
    for revision in range(2, 10):
        item = Item(b"k" * 250, b"{}")
        journal.record(revision, (Change("modified", 1, item, b"k" * 250),))

    assert journal.bytes == 502
    assert journal.changes == 1
