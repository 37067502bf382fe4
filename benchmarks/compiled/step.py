"""Call the compiled step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cffi import FFI

from app.resources.wfp.baselines import BASELINES
from app.schemas.names import Baseline
from benchmarks.compiled.build import FOLDER, build
from benchmarks.compiled.names import WEAKNESS_BITS


ROOM: Final = 1 << 20
"""Initial size of the buffer, in bytes; enough for more than 100 contexts."""

ffi = FFI()
ffi.cdef("""
typedef struct baseline {
    uint32_t against;
    uint32_t longest_lifetime_seconds;
} baseline;

uint32_t encode_sa_contexts(const void *const *entries, uint32_t count, const baseline *judged_by,
                            char *buffer, size_t size, uint32_t *ends);
""")


class CompiledStep:
    """Encodes SA contexts directly from the engine's memory. Only one thread at a time may use it.

    cffi lets other Python threads run while the library works.

    Attributes:
        encode: the library's function, which json.h describes.
        baseline: the baseline by which weaknesses are judged.
        judged_by: the baseline as the C struct that the library expects.
    """

    def __init__(
        self,
        library: Path,
        *,
        baseline: Baseline = Baseline.NIST_SP_800_77R1,
        room: int = ROOM,
    ) -> None:
        """Load the library.

        Args:
            library: the path of a library that `benchmarks.compiled.build` built.
            baseline: the baseline by which weaknesses are judged.
            room: the initial size of the buffer, in bytes; it grows if one context needs more.
        """
        self.encode: Any = ffi.dlopen(str(library)).encode_sa_contexts
        self.baseline = baseline
        advice = BASELINES[baseline]
        self.judged_by: Any = ffi.new("baseline *")
        self.judged_by.against = sum(WEAKNESS_BITS[weakness] for weakness in advice.against)
        self.judged_by.longest_lifetime_seconds = advice.longest_lifetime_seconds or 0
        self._grow(room)

    def texts(self, array: int, count: int) -> list[bytes]:
        """Return the JSON texts of the contexts to which the array's `count` pointers point."""
        entries = ffi.cast("void **", array)
        ends = ffi.new("uint32_t[]", count)
        texts: list[bytes] = []
        while len(texts) < count:
            done = len(texts)
            fitted = self.encode(
                entries + done, count - done, self.judged_by, self._buffer, self._room, ends
            )
            if not fitted:
                self._grow(2 * self._room)
            begin = 0
            for end in ends[0:fitted]:
                texts.append(self._view[begin:end])
                begin = end
        return texts

    def _grow(self, size: int) -> None:
        self._room = size
        self._buffer = ffi.new("char[]", size)
        self._view = ffi.buffer(self._buffer)


@contextmanager
def library() -> Iterator[Path]:
    """Yield the path of the library: built for this run or, on Windows, built earlier."""
    if os.name == "nt":
        yield FOLDER / "encode_sa_contexts.dll"
        return
    with TemporaryDirectory() as folder:
        yield build(Path(folder))
