"""Watchers: how soon events reach many watchers, and what each watcher costs."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from shutil import which
from struct import Struct
from time import sleep
from typing import NamedTuple

from benchmarks import servers
from benchmarks.client import ANEW, Client
from benchmarks.figures import Bar, Figure, Section
from benchmarks.servers import Server
from benchmarks.sizes import SEED, Sizes


CHANGES_PER_SECOND = 100
CONTEXTS = 1000
SETTLE_SECONDS = 2.0
P99_MS = 250.0
WATCHER_KB = 50.0
BRIEF_NANOSECONDS = 500_000_000
"""A context that lives for less time may be gone before the server has read it."""

_CLIENT = Path(__file__).with_suffix(".c")
_ARRIVAL = Struct("=QQII")
_KINDS = {"a": 1, "d": 2}
"""The IPSEC_SA_CONTEXT_EVENT_TYPE0 of a notification, by the first letter of its event's name."""


class Round(NamedTuple):
    """The results of one round.

    Attributes:
        milliseconds: the times from the engine's notification to the event's arrival at a watcher,
            sorted.
        events: the length of the most frequent sequence of events.
        strays: the number of watchers that received another sequence; the number of all watchers if
            the most frequent sequence lacks a change.
        kilobytes: the growth of the server's memory, per watcher.
        load: the mean number of processors that the server kept busy.
    """

    milliseconds: list[float]
    events: int
    strays: int
    kilobytes: float
    load: float


def measure(sizes: Sizes) -> list[Section]:
    """Run the rounds, each with a new server."""
    rounds = [_round(sizes.watchers, sizes.watch_seconds) for _ in range(sizes.few_rounds)]
    return [
        Section(
            f"{sizes.watchers} watchers, {CHANGES_PER_SECOND} changes a second, over HTTP",
            f"For {sizes.watch_seconds:g} s, the server sends events with full contexts "
            f"({CONTEXTS} contexts exist) to clients written in C, in one process on the same "
            "machine. Latency: from when the engine announces that a context was added or deleted, "
            "to when a client has read the event. A watcher's memory: the growth of the server's "
            "resident set from before the watchers connected until they had all events, per "
            "watcher.",
            (
                Figure(
                    "watchers without all events in their order",
                    "",
                    tuple(float(r.strays) for r in rounds),
                    Bar.AT_MOST,
                ),
                Figure("events of each watcher", "", tuple(float(r.events) for r in rounds)),
                *(
                    Figure(
                        f"latency, {name}",
                        "ms",
                        tuple(r.milliseconds[int(len(r.milliseconds) * part)] for r in rounds),
                        bar,
                        P99_MS if bar else 0.0,
                    )
                    for name, part, bar in (
                        ("p50", 0.5, None),
                        ("p99", 0.99, Bar.GOAL),
                        ("p99.9", 0.999, None),
                    )
                ),
                Figure(
                    "a watcher's memory",
                    "kB",
                    tuple(r.kilobytes for r in rounds),
                    Bar.GOAL,
                    WATCHER_KB,
                ),
                Figure("the server's load", "processors", tuple(r.load for r in rounds)),
            ),
        )
    ]


def _round(watchers: int, seconds: float) -> Round:
    settings = {"max_streams": watchers, "max_connections": watchers + 100}
    with servers.ours(CONTEXTS, **settings) as server:
        with Client(server.port) as client:
            client.get(ANEW)
        assert server.simulate("listen")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "arrivals"
            before = server.resident_bytes
            with _watching(server, watchers, file):
                busy = server.processor_seconds
                server.simulate("start_churn", CHANGES_PER_SECOND, SEED)
                sleep(seconds)
                server.simulate("stop_churn")
                load = (server.processor_seconds - busy) / seconds
                sleep(SETTLE_SECONDS)
                kilobytes = (server.resident_bytes - before) / watchers / 1000
            arrivals = list(_ARRIVAL.iter_unpack(file.read_bytes()))
        announced = {(id_, kind): at for kind, id_, at in server.simulate("announced")}
    received: dict[int, list[tuple[int, int]]] = {number: [] for number in range(watchers)}
    for _, id_, watcher, letter in arrivals:
        received[watcher].append((id_, letter))
    (events, most), *_ = Counter(map(tuple, received.values())).most_common(1)
    milliseconds = sorted(
        (at - announced[key]) / 1e6
        for at, id_, _, letter in arrivals
        if (key := (id_, _KINDS.get(chr(letter), 0))) in announced
    )
    strays = watchers if missed(announced, events) else watchers - most
    return Round(milliseconds, len(events), strays, kilobytes, load)


def missed(
    announced: Mapping[tuple[int, int], int], events: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Return the announced changes that no event reports.

    Changes of contexts that were deleted soon after they were added are not returned: the server
    may never have read these contexts.

    Args:
        announced: the time in nanoseconds of each change, by id and IPSEC_SA_CONTEXT_EVENT_TYPE0.
        events: the id and the first letter of the name of each event.
    """
    added, deleted = _KINDS["a"], _KINDS["d"]
    brief = {
        id_
        for (id_, kind), at in announced.items()
        if kind == added and announced.get((id_, deleted), inf) - at < BRIEF_NANOSECONDS
    }
    reported = {(id_, _KINDS.get(chr(letter), 0)) for id_, letter in events}
    return {change for change in announced if change not in reported and change[0] not in brief}


@contextmanager
def _watching(server: Server, watchers: int, file: Path) -> Iterator[None]:
    """Run `watchers` watchers, which record in `file` when each change of a context arrives."""
    program = file.with_name("watchers")
    compiler = which("cc")
    assert compiler
    subprocess.run([compiler, "-O2", _CLIENT, "-o", program], check=True)
    command = [str(program), str(server.port), str(watchers), "/sa-contexts/events", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield
        process.stdin.close()
        assert process.wait(60) == 0
