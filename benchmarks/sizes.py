"""The sizes of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass


PAGE_LIMIT = 1000
"""Contexts on a page; the API's maximum."""

CHECKED_CONTEXTS = 500
"""Enough contexts that every kind of value of the fixture occurs."""

MIN_MEAN_BYTES = 4096
"""Minimum mean size of the fixture's contexts as JSON: small contexts would improve the figures."""

SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes of one run.

    Attributes:
        rounds: how often each measure is taken; compared measures take turns.
        few_rounds: how often each slow measure is taken.
        small: the number of contexts of a large host.
        large: the number of contexts of the largest expected host.
        naive_most: the maximum number of contexts that the naive way reads in one round.
        growth: numbers of contexts at which the cost of reading is measured.
        warm_pages: pages requested from our server and from the static one in one round.
        naive_pages: pages requested from the naive server in one round.
        crowd: clients that send a request at once.
        fairness_refreshes: refreshes of `large` contexts during which pages are requested.
        export_seconds: how long a slow reader reads an export.
        struct_reads: structs read in one round.
        any_trees: arbitrary contexts that the compiled step must encode as the server does.
        naps: how often a thread sleeps while another one reads contexts.
        compressions: how often each way of compressing a page is timed.
        watchers: clients that watch at once.
        watch_seconds: how long contexts change while the clients watch.
    """

    rounds: int
    few_rounds: int
    small: int
    large: int
    naive_most: int
    growth: tuple[int, ...]
    warm_pages: int
    naive_pages: int
    crowd: int
    fairness_refreshes: int
    export_seconds: float
    struct_reads: int
    any_trees: int
    naps: int
    compressions: int
    watchers: int
    watch_seconds: float


FULL = Sizes(
    rounds=7,
    few_rounds=3,
    small=10_000,
    large=100_000,
    naive_most=10_000,
    growth=(1_000, 3_000, 10_000, 30_000, 100_000),
    warm_pages=300,
    naive_pages=2,
    crowd=100,
    fairness_refreshes=2,
    export_seconds=5.0,
    struct_reads=200_000,
    any_trees=1_000,
    naps=1_000,
    compressions=5,
    watchers=1000,
    watch_seconds=20.0,
)
QUICK = Sizes(
    rounds=2,
    few_rounds=1,
    small=1_500,
    large=3_000,
    naive_most=1_000,
    growth=(300, 1_000, 3_000),
    warm_pages=20,
    naive_pages=1,
    crowd=20,
    fairness_refreshes=1,
    export_seconds=0.5,
    struct_reads=20_000,
    any_trees=200,
    naps=100,
    compressions=1,
    watchers=50,
    watch_seconds=2.0,
)
