"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


PAGE_LIMIT = 1000
"""Contexts on a page, the most that the API gives."""

CHECKED_CONTEXTS = 500
"""Enough of the fixture for each kind of value that it has to occur."""

MIN_MEAN_BYTES = 4096
"""What the fixture's mean context has at least as JSON: thin fixtures flatter."""

SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes of one run.

    Attributes:
        rounds: how often each measure is taken; the compared ones take turns.
        cold_contexts: contexts read in one round.
        warm_contexts: contexts in the snapshot that is walked.
        warm_walks: walks through that snapshot in one round; the static server
            is asked for as many pages.
        naive_pages: pages asked of the naive server in one round.
        courtesy_contexts: contexts that are drained again and again.
        courtesy_requests: requests timed without drains, and again during drains.
        struct_reads: structs read in one round.
        any_trees: arbitrary contexts for which the compiled step must write what ours does.
        naps: how often a thread sleeps beside one that reads.
    """

    rounds: int
    cold_contexts: int
    warm_contexts: int
    warm_walks: int
    naive_pages: int
    courtesy_contexts: int
    courtesy_requests: int
    struct_reads: int
    any_trees: int
    naps: int


FULL = Sizes(
    rounds=7,
    cold_contexts=10_000,
    warm_contexts=10_000,
    warm_walks=10,
    naive_pages=3,
    courtesy_contexts=25_000,
    courtesy_requests=3_000,
    struct_reads=200_000,
    any_trees=1_000,
    naps=1_000,
)
QUICK = Sizes(
    rounds=3,
    cold_contexts=1_000,
    warm_contexts=3_000,
    warm_walks=2,
    naive_pages=1,
    courtesy_contexts=2_000,
    courtesy_requests=200,
    struct_reads=20_000,
    any_trees=200,
    naps=100,
)
