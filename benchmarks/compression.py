"""Compression: what it costs and saves for pages of a list, and on which links it saves time."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter, thread_time

import zstandard

from app.api.streaming import LEVEL
from app.resources.sa_contexts.encoding import encode_sa_context
from benchmarks import servers
from benchmarks.client import ANEW, NEWEST, Client
from benchmarks.figures import Figure, Grid, Section, take_turns
from benchmarks.fixture import populated
from benchmarks.sizes import Sizes
from bindings.engine import Engine


PAGES = (5, 100, 1000)
GZIP_LEVELS = (1, 3, 6, 9)
ZSTD_LEVELS = (1, 3)
GZIP = 31
"""`wbits` for gzip's format (zlib's manual, deflateInit2)."""

MIN_SECONDS = 0.05
"""Minimum time for which each way is repeated in a round."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to compress a page."""

    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


WAYS = (
    *(
        Way(
            f"gzip {level}",
            partial(zlib.compress, level=level, wbits=GZIP),
            partial(zlib.decompress, wbits=GZIP),
        )
        for level in GZIP_LEVELS
    ),
    *(
        Way(
            f"zstd {level}",
            zstandard.ZstdCompressor(level=level).compress,
            zstandard.ZstdDecompressor().decompress,
        )
        for level in ZSTD_LEVELS
    ),
)


def measure(sizes: Sizes) -> list[Section]:
    """Measure all ways in process, for pages of several sizes; then our server over HTTP."""
    return [_in_process(sizes), _over_http(sizes)]


def _in_process(sizes: Sizes) -> Section:
    with Engine(populated(PAGES[-1])) as engine:
        texts = [encode_sa_context(context) for page in engine.pages() for context in page]
    rows: list[tuple[str, tuple[float, ...]]] = []
    for limit in PAGES:
        body = b",".join(texts[:limit])
        rows.append((f"{limit} contexts, as it is", (len(body) / 1e3, 100.0, 0.0, 0.0, 0.0)))
        for way in WAYS:
            compressed = way.compress(body)
            assert way.decompress(compressed) == body
            taken = take_turns(
                sizes.compressions,
                {
                    "in": partial(_seconds, way.compress, body),
                    "out": partial(_seconds, way.decompress, compressed),
                },
            )
            into, out = median(taken["in"]), median(taken["out"])
            saved_bits = (len(body) - len(compressed)) * 8
            rows.append(
                (
                    f"{limit} contexts, {way.name}",
                    (
                        len(compressed) / 1e3,
                        100 * len(compressed) / len(body),
                        into * 1e3,
                        out * 1e3,
                        saved_bits / (into + out) / 1e6,
                    ),
                )
            )
    return Section(
        "Compression of pages, in process",
        "In: the time to compress; out: the time to decompress. Compression pays on links so "
        "slow that sending the saved bytes would take longer than compressing and decompressing.",
        grid=Grid(("", "kB", "%", "in, ms", "out, ms", "pays below, Mbit/s"), tuple(rows)),
    )


def _over_http(sizes: Sizes) -> Section:
    figures = []
    with ExitStack() as stack:
        server = stack.enter_context(servers.ours(sizes.small))
        client = stack.enter_context(Client(server.port))
        client.get(ANEW)
        for limit in PAGES:
            target = f"{NEWEST}&limit={limit}"
            taken = take_turns(
                sizes.rounds,
                {
                    "as it is": partial(_answered, client, target),
                    f"gzip {LEVEL}": partial(_answered, client, target, "Accept-Encoding: gzip"),
                },
            )
            figures += [
                Figure(f"{limit} contexts, {name}", "ms", values) for name, values in taken.items()
            ]
    return Section(
        "Compression of warm pages, over HTTP",
        "The mean time of a page on this machine, where a link costs next to nothing; the client "
        "does not decompress.",
        tuple(figures),
    )


def _seconds(work: Callable[[bytes], bytes], body: bytes) -> float:
    """Return the mean processor time of one call of `work`, in seconds."""
    began, times = thread_time(), 0
    while (spent := thread_time() - began) < MIN_SECONDS:
        work(body)
        times += 1
    return spent / times


def _answered(client: Client, target: str, *headers: str) -> float:
    began, times = perf_counter(), 0
    while (spent := perf_counter() - began) < MIN_SECONDS:
        client.get(target, *headers)
        times += 1
    return spent / times * 1e3
