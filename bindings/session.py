"""A session with the filter engine (FwpmEngineOpen0, fwpmu.h).

All sessions are dynamic, except that of `bindings.connection_monitoring`. In a dynamic
session, IPsecSaContextDeleteById0 and FwpmEngineSetOption0 fail, so a reader cannot
accidentally delete SA contexts or set options. A session uses the credentials of the
process. It has its own transaction timeout, because any call may have to wait for another
client's transaction.
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
    """An open session; not thread-safe."""

    def __init__(
        self,
        library: Library,
        *,
        transaction_wait_timeout_ms: int = 3000,
        is_dynamic: bool = True,
    ) -> None:
        """Open a session.

        Args:
            library: the library that exports the functions.
            transaction_wait_timeout_ms: how long a call waits for another client's transaction,
                in milliseconds, before it fails with `TransactionTimeout`.
            is_dynamic: whether the session is dynamic; in one that is, no option can be set.

        Raises:
            EngineGone: the engine is stopped or unreachable.
            EngineError: the engine rejected the session.
        """
        self.library = library
        options = ffi.new("FWPM_SESSION0 *")
        options.flags = library.lib.FWPM_SESSION_FLAG_DYNAMIC if is_dynamic else 0
        options.txnWaitTimeoutInMSec = transaction_wait_timeout_ms
        handle = ffi.new("HANDLE *")
        self._check("FwpmEngineOpen0", ffi.NULL, RPC_C_AUTHN_WINNT, ffi.NULL, options, handle)
        self._handle: Any = handle[0]

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function whose first parameter is the session handle.

        Raises:
            EngineError: the function failed; the subclass depends on the code (`error_for`).
        """
        self._check(function, self._handle, *arguments)

    @contextmanager
    def result(self, pointer_type: str) -> Iterator[Any]:
        """Yield an output pointer; after the block, free the result that a function stored in it.

        One call of FwpmFreeMemory0 frees a whole result. It takes the address of
        the pointer. It is not called for a NULL pointer, because the effect of that is
        undocumented.
        """
        pointer = ffi.new(pointer_type)
        try:
            yield pointer
        finally:
            if pointer[0]:
                self.library.call("FwpmFreeMemory0", ffi.cast("void **", pointer))

    @property
    def is_open(self) -> bool:
        """True until `close` is called, even if the engine has ended the session."""
        return self._handle is not None

    def close(self) -> None:
        """Close the session, even a dead one: its client-side memory must still be freed.

        Raises:
            EngineError: the call failed; the session counts as closed anyway.
        """
        handle, self._handle = self._handle, None
        if handle is not None:
            self._check("FwpmEngineClose0", handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, function: str, *arguments: Any) -> None:
        code = self.library.call(function, *arguments)
        if code:
            raise error_for(code, function)
