"""A session with the filter engine (FwpmEngineOpen0, fwpmu.h).

A session is opened dynamic, so that a reader cannot delete or change anything
by accident (IPsecSaContextDeleteById0 and FwpmEngineSetOption0 refuse a
dynamic session), with the credentials of the process, and with a transaction
wait of its own, for any call may have to wait for somebody's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from bindings._fwpuclnt import ffi
from bindings.errors import error_for
from bindings.library import Library


RPC_C_AUTHN_WINNT: Final = 10


class Session:
    """An open session; never used by two threads at once."""

    def __init__(self, library: Library, *, transaction_wait_ms: int = 3000) -> None:
        """Open a session.

        Args:
            library: where the functions are.
            transaction_wait_ms: how long a call waits for another's transaction,
                in milliseconds; then it fails with `EngineTimeout`.

        Raises:
            EngineGone: the engine is stopped or cannot be reached.
            EngineError: it refused the session.
        """
        self.library = library
        options = ffi.new("FWPM_SESSION0 *")
        options.flags = library.lib.FWPM_SESSION_FLAG_DYNAMIC
        options.txnWaitTimeoutInMSec = transaction_wait_ms
        handle = ffi.new("HANDLE *")
        self._check("FwpmEngineOpen0", ffi.NULL, RPC_C_AUTHN_WINNT, ffi.NULL, options, handle)
        self._handle: Any = handle[0]

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function whose first parameter is the session.

        Raises:
            EngineError: one of its classes, by the code that the function returned.
        """
        self._check(function, self._handle, *arguments)

    @contextmanager
    def result(self, pointer_type: str) -> Iterator[Any]:
        """A pointer for a function to fill; what it was filled with is freed at the end.

        One call of FwpmFreeMemory0 frees a whole result. It wants the address
        of the pointer, and NULL is not passed to it: no page says what it
        would do.
        """
        pointer = ffi.new(pointer_type)
        try:
            yield pointer
        finally:
            if pointer[0]:
                self.library.function("FwpmFreeMemory0")(ffi.cast("void **", pointer))

    @property
    def is_open(self) -> bool:
        """Whether it was not closed; the engine may have ended it all the same."""
        return self._handle is not None

    def close(self) -> None:
        """Close the session, also one that died: its memory is on this side (wfp-error-codes).

        Raises:
            EngineError: the engine did not take it; the session is over all the same.
        """
        handle, self._handle = self._handle, None
        if handle is not None:
            self._check("FwpmEngineClose0", handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, function: str, *arguments: Any) -> None:
        code = self.library.function(function)(*arguments)
        if code:
            raise error_for(code, function)
