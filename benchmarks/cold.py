"""Cold: the cost of reading everything from the engine and encoding it as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from app.repository.refresh.reader import EngineReader
from app.resources.sa_contexts.encoding import encode_sa_context, render_sa_context
from app.resources.sa_contexts.kind import SaContextKind
from benchmarks.figures import Bar, Figure, Section, ratios, take_turns
from benchmarks.fixture import arrays, populated
from benchmarks.refreshes import UNIT, settled, size_of_naive, size_of_refresh, timed
from benchmarks.sizes import PAGE_LIMIT, Sizes
from bindings.engine import Engine
from bindings.interfaces import interface_aliases
from bindings.library import Library
from bindings.records import SaContext
from bindings.sa_contexts import SaContexts
from bindings.session import Session


NAIVE = 4.0
"""Minimum ratio of the cost of the naive way to the cost of our way."""
READY = 3.0
"""Goal: maximum ratio of our time to the time that orjson takes for ready dicts."""

READY_DICTS = 1000


def measure(sizes: Sizes) -> list[Section]:
    """Measure our way, its parts, and the naive way in turns."""
    count = sizes.small
    library = populated(count)
    ready = ready_dicts(library)
    with Engine(library) as engine, Session(library) as session, settled():
        reader = EngineReader(engine, SaContextKind(interface_aliases))
        taken = take_turns(
            sizes.rounds,
            {
                "ours": timed(lambda: size_of_refresh(reader), count),
                "naive": timed(lambda: size_of_naive(session, count), count),
                "ready": timed(lambda: sum(1 for _ in map(orjson.dumps, ready)), len(ready)),
                "calls": timed(lambda: call_only(session), count),
                "decoded": timed(lambda: _decode_only(engine), count),
                "encoded": timed(lambda: _decode_and_encode(engine), count),
            },
        )
    calls, decoded, encoded = taken["calls"], taken["decoded"], taken["encoded"]
    return [
        Section(
            f"Cold: reading {count} contexts, in process",
            "Ours: one refresh into a snapshot. Naive: a new enumeration, copied through cffi's "
            "attributes into dicts, then validated and serialized by the response model, "
            f"{PAGE_LIMIT} contexts a page; no cache. Ready dicts: `orjson.dumps` of dicts of the "
            "same contexts, built beforehand. Of ours: the parts of our time: the C calls; "
            "decoding to records; encoding to JSON; the rest (fingerprints, index keys, counts, "
            "order, blocks).",
            (
                Figure("ours", UNIT, taken["ours"]),
                Figure("naive", UNIT, taken["naive"]),
                Figure("ready dicts", UNIT, taken["ready"]),
                ratios("naive / ours", taken["naive"], taken["ours"], Bar.AT_LEAST, NAIVE),
                ratios("ours / ready dicts", taken["ours"], taken["ready"], Bar.GOAL, READY),
                Figure("of ours: C calls", UNIT, calls),
                Figure("of ours: decode", UNIT, differences(decoded, calls)),
                Figure("of ours: encode", UNIT, differences(encoded, decoded)),
                Figure("of ours: the rest", UNIT, differences(taken["ours"], encoded)),
            ),
        )
    ]


def differences(whole: tuple[float, ...], part: tuple[float, ...]) -> tuple[float, ...]:
    """Return `whole` minus `part`, round by round."""
    return tuple(larger - smaller for larger, smaller in zip(whole, part, strict=True))


def ready_dicts(library: Library) -> list[object]:
    """Return the first `READY_DICTS` contexts as dicts, ready to be serialized."""
    with Engine(library) as engine:
        contexts = [context for page in engine.pages() for context in page]
    return [render_sa_context(context) for context in contexts[:READY_DICTS]]


def call_only(session: Session) -> int:
    """Enumerate and free all arrays without reading the contexts; return the number of contexts."""
    return sum(count for _, count in arrays(session))


def _decode_only(engine: Engine) -> int:
    return engine.with_sa_contexts(lambda contexts: sum(1 for _ in one_by_one(contexts)))


def _decode_and_encode(engine: Engine) -> int:
    """Decode and encode as a refresh does, but keep only the JSON texts."""
    alias = interface_aliases()
    texts = engine.with_sa_contexts(
        lambda contexts: [encode_sa_context(context, alias) for context in one_by_one(contexts)]
    )
    return len(texts)


def one_by_one(contexts: SaContexts) -> Iterator[SaContext]:
    """Yield the contexts one by one, each decoded on demand, as in a refresh."""
    for array in contexts.arrays():
        with array:
            for index in range(len(array)):
                yield array.decode(index)
