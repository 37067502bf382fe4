"""What a reader in a process of its own would cost, and what notes of reads do.

    python -m benchmarks.reader_process

All times are processor time, so that other programs hardly matter.
The decision that rests on it is in docs/architecture.md.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from threading import Thread
from timeit import repeat

from sa_contexts_simulator import LIBRARY, Simulator

from bindings.call_notes import CallNotes
from bindings.engine import Engine
from bindings.library import Library
from bindings.memory import RawTree
from bindings.sa_contexts import PAGE_SIZE, SaContexts


CONTEXTS = 10_000
ROUNDS = 7
NOTES = 100_000
MICROSECONDS = 1e6


def main() -> None:
    """Print the figures."""
    Simulator(LIBRARY).populate(CONTEXTS, 1)
    pages = _pages()
    here, there = _read_seconds(), _read_seconds() + _passed_seconds(pages)
    size = sum(len(pickle.dumps(page, pickle.HIGHEST_PROTOCOL)) for page in pages)
    print(f"reading in this process        {here / CONTEXTS * MICROSECONDS:8.2f} µs a context")
    print(f"and passing it through a pipe  {there / CONTEXTS * MICROSECONDS:8.2f} µs a context")
    print(f"pickled                        {size / CONTEXTS:8.0f} bytes a context")
    started = median(_started() for _ in range(ROUNDS))
    print(f"starting a reader's process    {started * 1e3:8.0f} ms")
    enter, reading, refused = _notes()
    print(f"a note of a callback           {enter:8.2f} µs")
    print(f"a note of a read               {reading:8.2f} µs")
    print(f"a read without a file          {refused:8.2f} µs")


def _pages() -> list[list[RawTree]]:
    """Return the raw trees of all contexts, page by page, as a reader passes them on."""

    def read(contexts: SaContexts) -> list[list[RawTree]]:
        found = []
        with closing(contexts.arrays(size=PAGE_SIZE)) as arrays:
            for array in arrays:
                with array:
                    found.append([array.read(index) for index in range(len(array))])
        return found

    with Engine(Library(LIBRARY)) as engine:
        return engine.with_sa_contexts(read)


def _seconds(work: Callable[[], object]) -> float:
    """Return the median processor time of some work, in all threads."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def _read_seconds() -> float:
    return _seconds(_pages)


def _passed_seconds(pages: list[list[RawTree]]) -> float:
    """Return the time to pickle all pages, pass them through a pipe, and rebuild them."""

    def passed() -> None:
        receiver, sender = get_context("spawn").Pipe(duplex=False)
        thread = Thread(target=_send, args=(sender, pages))
        thread.start()
        for _ in pages:
            receiver.recv()
        thread.join()
        receiver.close()
        sender.close()

    return _seconds(passed)


def _send(sender: Connection, pages: list[list[RawTree]]) -> None:
    for page in pages:
        sender.send(page)


def _started() -> float:
    """Return the processor time of a new process that opens a session and ends."""
    before = getrusage(RUSAGE_CHILDREN)
    process = get_context("spawn").Process(target=_open, args=(LIBRARY,))
    process.start()
    process.join()
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _open(path: Path) -> None:
    with Engine(Library(path)) as engine:
        engine.with_sa_contexts(lambda _contexts: None)


def _notes() -> tuple[float, float, float]:
    """Return the cost of a callback's note, of a read's, and of a read without a file, in µs."""

    def cost(work: Callable[[], object]) -> float:
        times = repeat(work, number=NOTES, repeat=ROUNDS, timer=time.process_time)
        return min(times) / NOTES * MICROSECONDS

    def read(notes: CallNotes) -> Callable[[], None]:
        def noted() -> None:
            with notes.reading("sa-contexts"):
                pass

        return noted

    with tempfile.TemporaryDirectory() as folder:
        notes = CallNotes()
        notes.open(Path(folder) / "notes")
        callback = cost(lambda: notes.leave(notes.enter("sa-contexts")))
        return callback, cost(read(notes)), cost(read(CallNotes()))


if __name__ == "__main__":
    main()
