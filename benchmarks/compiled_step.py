"""The cost of decoding and encoding in one compiled step, which is not part of the product."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Event, Thread
from time import perf_counter, sleep

import orjson

from app.resources.sa_contexts.encoding import encode_sa_context
from app.schemas.names import Baseline
from app.server.uvicorn_server import GIL_SWITCH_SECONDS
from benchmarks import cold
from benchmarks.compiled import equality
from benchmarks.compiled.step import CompiledStep, library
from benchmarks.figures import Figure, Section, percentiles, ratios, take_turns
from benchmarks.fixture import arrays, populated
from benchmarks.refreshes import UNIT, timed
from benchmarks.sizes import Sizes
from bindings.engine import Engine
from bindings.sa_contexts import PAGE_SIZE
from bindings.session import Session


NAP_SECONDS = 0.001


def measure(sizes: Sizes) -> list[Section]:
    """Measure our way and the compiled step in turns, and how much each delays a thread.

    First, check that both give the same results.
    """
    count = sizes.small
    contexts = populated(count)
    with library() as path, Engine(contexts) as engine, Session(contexts) as session:
        for baseline in Baseline:
            equality.check(CompiledStep(path, baseline=baseline), session, sizes.any_trees)
        step = CompiledStep(path)

        def ours() -> int:
            return len(
                engine.with_sa_contexts(
                    lambda reader: [
                        encode_sa_context(context) for context in cold.one_by_one(reader)
                    ]
                )
            )

        def compiled() -> int:
            return len([text for array in arrays(session) for text in step.texts(*array)])

        ready = cold.ready_dicts(contexts)
        taken = take_turns(
            sizes.rounds,
            {
                "ours": timed(ours, count),
                "compiled": timed(compiled, count),
                "dicts": timed(lambda: len(list(map(orjson.dumps, ready))), len(ready)),
                "calls": timed(lambda: cold.call_only(session), count),
            },
        )
        waits = {
            "alone": _waits(sizes.naps, lambda: sleep(NAP_SECONDS)),
            "beside ours": _waits(sizes.naps, ours),
            "beside the compiled step": _waits(sizes.naps, compiled),
        }
    in_python, in_c = (cold.differences(taken[way], taken["calls"]) for way in ("ours", "compiled"))
    section = Section(
        "A compiled step, an experiment that is not in the product",
        f"Ours: decoding and encoding {count} contexts in Python, without the C calls. Compiled: "
        f"the same work in C, one call per array of {PAGE_SIZE}, whose JSON texts are then copied "
        "into `bytes`. Both write the same, byte for byte, for these contexts and for "
        f"{sizes.any_trees} arbitrary ones. Another thread: how late a thread wakes that sleeps "
        "for 1 ms at a time, alone or while a second thread runs ours or the compiled step; the "
        f"switch interval is the server's, {GIL_SWITCH_SECONDS * 1e3:g} ms.",
        (
            Figure("ours", UNIT, in_python),
            Figure("compiled", UNIT, in_c),
            Figure("orjson of ready dicts", UNIT, taken["dicts"]),
            Figure("C calls alone", UNIT, taken["calls"]),
            ratios("ours / orjson", in_python, taken["dicts"]),
            ratios("compiled / orjson", in_c, taken["dicts"]),
            ratios("ours / compiled", in_python, in_c),
            ratios("the same, C calls included", taken["ours"], taken["compiled"]),
            *(
                figure
                for name, late in waits.items()
                for figure in percentiles(f"another thread, {name}", late)
            ),
        ),
    )
    return [section]


def _waits(naps: int, work: Callable[[], object]) -> list[float]:
    """Return how many ms late this thread wakes from each nap while another runs `work`."""
    enough = Event()

    def repeat() -> None:
        while not enough.is_set():
            work()

    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(GIL_SWITCH_SECONDS)
    thread = Thread(target=repeat, name="works")
    thread.start()
    try:
        return [_late() for _ in range(naps)]
    finally:
        enough.set()
        thread.join()
        sys.setswitchinterval(switch_seconds)


def _late() -> float:
    began = perf_counter()
    sleep(NAP_SECONDS)
    return (perf_counter() - began - NAP_SECONDS) * 1e3
