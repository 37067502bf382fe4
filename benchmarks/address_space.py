"""The cost of reading a struct: through one buffer over all memory, or by casting its address."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import Any

from benchmarks.figures import Figure, Section, ratios, take_turns
from benchmarks.sizes import Sizes
from bindings._fwpuclnt import ffi
from bindings.memory import ADDRESS_SPACE, Layout
from bindings.tree import GENERATIONS, SA


UNIT = "ns/struct"
LAYOUTS = {"IPSEC_SA0": SA, "IPSEC_SA_BUNDLE1": GENERATIONS[1].bundle}
"""Two structs of an SA context: one with few fields to read, and the one with the most."""


def measure(sizes: Sizes) -> list[Section]:
    """Measure both ways in turns, on structs in the memory of this process."""
    figures: list[Figure] = []
    for name, layout in LAYOUTS.items():
        struct = ffi.new(f"{name} *")
        address = int(ffi.cast("uintptr_t", struct))
        assert _through(layout, address) == _cast(layout, address)
        taken = take_turns(
            sizes.rounds,
            {
                "through": _timed(_through, layout, address, sizes.struct_reads),
                "cast": _timed(_cast, layout, address, sizes.struct_reads),
            },
        )
        figures += [
            Figure(f"{name}: one buffer", UNIT, taken["through"]),
            Figure(f"{name}: a cast each", UNIT, taken["cast"]),
            ratios(f"{name}: buffer / cast", taken["through"], taken["cast"]),
        ]
    return [
        Section(
            "Reading one struct",
            "One buffer: `bindings.memory.ADDRESS_SPACE`, whose index is the address. A cast each: "
            "for each struct, the address is cast to a pointer, and a buffer is made of the "
            "pointer.",
            tuple(figures),
        )
    ]


def _through(layout: Layout, address: int) -> tuple[Any, ...]:
    return layout.read_from(ADDRESS_SPACE, address)


def _cast(layout: Layout, address: int) -> tuple[Any, ...]:
    return layout.read_from(ffi.buffer(ffi.cast("char *", address), layout.size))


def _timed(
    read: Callable[[Layout, int], tuple[Any, ...]], layout: Layout, address: int, reads: int
) -> Callable[[], float]:
    def nanoseconds() -> float:
        began = thread_time()
        for _ in range(reads):
            read(layout, address)
        return (thread_time() - began) / reads * 1e9

    return nanoseconds
