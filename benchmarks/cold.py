"""Cold: what it costs to read everything from the engine and to turn it into JSON."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import perf_counter

import orjson

from app.encoding.sa_contexts import encode_sa_context, render_sa_context
from app.repository.assembly import Assembly
from app.repository.reading import Reader
from benchmarks.figures import Figure, Section, ratios, take_turns
from benchmarks.fixture import arrays, naive_json, populated
from benchmarks.sizes import PAGE_LIMIT, Sizes
from bindings.engine import Engine
from bindings.interfaces import interface_aliases
from bindings.library import Library
from bindings.records import SaContext
from bindings.sa_contexts import SaContexts
from bindings.session import Session


AT_LEAST = 2.0
"""How many times ours the naive way must cost."""

UNIT = "us/context"
READY_DICTS = 1000


def measure(sizes: Sizes) -> Section:
    """Ours and the naive way in turns, and where ours spends its time."""
    count = sizes.cold_contexts
    library = populated(count)
    ready = ready_dicts(library)
    with Engine(library) as engine, Session(library) as session:
        reader = Reader(engine, interface_aliases)
        taken = take_turns(
            sizes.rounds,
            {
                "ours": timed(lambda: _drain(reader), count),
                "naive": timed(lambda: _count(naive_json(session, PAGE_LIMIT), count), count),
                "dicts": timed(lambda: sum(1 for _ in map(orjson.dumps, ready)), len(ready)),
                "calls": timed(lambda: call_only(session), count),
                "decoded": timed(lambda: _decode_only(engine), count),
                "encoded": timed(lambda: _decode_and_encode(engine), count),
            },
        )
    calls, decoded, encoded = taken["calls"], taken["decoded"], taken["encoded"]
    return Section(
        "Cold, in process",
        (
            f"ours: one drain of {count} contexts into a version, their JSON included.",
            "naive: a new enumeration by cffi's attributes into dicts, validated and serialised",
            f"through the response model, {PAGE_LIMIT} contexts a page; no cache, no store.",
            "of ours: the share of the C calls; of decoding to records; of encoding to JSON;",
            "and of what a version keeps of each context for its filters.",
        ),
        (
            Figure("ours", UNIT, taken["ours"]),
            Figure("naive", UNIT, taken["naive"]),
            ratios("naive / ours", taken["naive"], taken["ours"], at_least=AT_LEAST),
            Figure("of ours: C calls", UNIT, calls),
            Figure("of ours: decode", UNIT, differences(decoded, calls)),
            Figure("of ours: encode", UNIT, differences(encoded, decoded)),
            Figure("of ours: keep", UNIT, differences(taken["ours"], encoded)),
            Figure("for reference: orjson of ready dicts", UNIT, taken["dicts"]),
        ),
    )


def timed(work: Callable[[], int], count: int) -> Callable[[], float]:
    """Microseconds a context of `work`, which must see `count` of them."""

    def microseconds() -> float:
        gc.collect()
        began = perf_counter()
        seen = work()
        elapsed = perf_counter() - began
        assert seen == count, f"{seen} contexts instead of {count}"
        return elapsed / count * 1e6

    return microseconds


def _drain(reader: Reader) -> int:
    """As the store does with an engine that it has not read before."""
    edition = reader.read_all(
        lambda _incarnation: Assembly("e", datetime.now(UTC), 0.0), lambda _version: None
    )
    return len(edition.version.ids)


def differences(whole: tuple[float, ...], part: tuple[float, ...]) -> tuple[float, ...]:
    """What is left of the whole without the part, round by round."""
    return tuple(larger - smaller for larger, smaller in zip(whole, part, strict=True))


def ready_dicts(library: Library) -> list[object]:
    """Some contexts as what JSON is made from."""
    with Engine(library) as engine:
        contexts = [context for page in engine.pages() for context in page]
    return [render_sa_context(context) for context in contexts[:READY_DICTS]]


def _count(pages: list[bytes], count: int) -> int:
    """The naive pages were made; how many contexts they have is known from `fixture.check`."""
    assert len(pages) == count // PAGE_LIMIT + 1
    return count


def call_only(session: Session) -> int:
    """Enumerate and free, in the reader's page size, without looking at anything."""
    return sum(count for _, count in arrays(session))


def _decode_only(engine: Engine) -> int:
    return engine.attempt(lambda contexts: sum(1 for _ in one_by_one(contexts)))


def _decode_and_encode(engine: Engine) -> int:
    """As a drain does, without keeping more than the texts."""
    alias = interface_aliases()
    texts = engine.attempt(
        lambda contexts: [encode_sa_context(context, alias) for context in one_by_one(contexts)]
    )
    return len(texts)


def one_by_one(contexts: SaContexts) -> Iterator[SaContext]:
    """Each context, decoded when it is asked for, as a drain does: no page of them is kept."""
    for array in contexts.arrays():
        with array:
            for index in range(len(array)):
                yield array.decode(index)
