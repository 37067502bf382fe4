"""Reading SA contexts: all of them page by page, or one by its id (fwpmu.h)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, Final, Self, TypeVar

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.decode import decode_sa_context
from bindings.errors import EngineError, NeverMatch, NotFound, NotSupported
from bindings.memory import Plain, read_pointers
from bindings.records import SaContext
from bindings.session import Session
from bindings.template import SubnetTemplate
from bindings.tree import read_sa_context, read_sa_context_id
from bindings.winerror import WinError


T = TypeVar("T")

PAGE_SIZE: Final = 100
"""How many contexts one call asks for, where nobody says otherwise.

One page is one RPC buffer and one stretch of decoding that lets no other
Python thread in; see benchmarks/.
"""


class SaContextArray:
    """One page of an enumeration in the engine's memory, which whoever has it frees."""

    def __init__(
        self, addresses: tuple[int, ...], generation: int, ipv6_order: Ipv6Order, memory: ExitStack
    ) -> None:
        self._addresses = addresses
        self._generation = generation
        self._ipv6_order = ipv6_order
        self._memory = memory

    def __len__(self) -> int:
        return len(self._addresses)

    def ids(self) -> list[int]:
        """The id of each context."""
        return [read_sa_context_id(address) for address in self._addresses]

    def read(self, index: int) -> Plain:
        """A copy of one context. IndexError where there is none, as once all are freed."""
        return read_sa_context(self._addresses[index], self._generation, self._ipv6_order)

    def decode(self, index: int) -> SaContext:
        """The record of one context; errors as for `read`."""
        return decode_sa_context(self.read(index))

    def free(self) -> None:
        """Free the whole array; further calls do nothing."""
        self._addresses = ()
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


class SaContexts:
    """What reads SA contexts through one session.

    Generation 1 of the functions (Windows 7 and later) is used unless
    generation 0 is asked for, the library lacks it, or the engine does not
    know it (RPC_S_PROCNUM_OUT_OF_RANGE). Records of generation 0 lack what
    its structs lack.
    """

    def __init__(
        self, session: Session, *, generation: int = 1, ipv6_order: Ipv6Order = Ipv6Order.NETWORK
    ) -> None:
        self._session = session
        self._ipv6_order = ipv6_order
        has_newer = session.library.has("IPsecSaContextEnum1")
        self.generation = generation if has_newer else 0

    def pages(
        self, template: SubnetTemplate | None = None, size: int = PAGE_SIZE
    ) -> Generator[list[SaContext]]:
        """Yield every context once, in the engine's order, in pages of at most `size`.

        Each array is freed before its page is yielded. Errors are those of `arrays`.
        """
        with closing(self.arrays(template, size)) as arrays:
            for array in arrays:
                with array:
                    page = [array.decode(index) for index in range(len(array))]
                yield page

    def arrays(
        self, template: SubnetTemplate | None = None, size: int = PAGE_SIZE
    ) -> Generator[SaContextArray]:
        """Yield the pages as the engine gave them, each to be freed by whom it is given to.

        An enumeration ends when fewer entries are returned than were asked
        for. The handle is destroyed when the iteration ends. Who may leave it
        early closes it.

        Raises:
            ValueError: `size` is less than 1.
            IkeextNotRunning: there are none, for the service that negotiates them is stopped.
            AccessDenied: the account lacks FWPM_ACTRL_ENUM or FWPM_ACTRL_READ.
            EngineGone: the engine stopped or the session died; begin again in a new one.
            EngineError: anything else that the engine refused.
        """
        if size < 1:
            raise ValueError("a page has at least one entry")
        try:
            with self._enumeration(template) as handle:
                count = size
                while count == size:
                    array = self._by_newest(lambda: self._enum(handle, size))
                    count = len(array)
                    yield array
        except NeverMatch:
            if template is None:
                raise

    def get(self, sa_context_id: int) -> SaContext:
        """The context of this id; errors as for `read`."""
        return decode_sa_context(self.read(sa_context_id))

    def read(self, sa_context_id: int) -> Plain:
        """A copy of the context of this id.

        Raises:
            NotFound: there is none, or none any more.
            EngineError: as for `pages`.
        """
        return self._by_newest(lambda: self._read(sa_context_id))

    @contextmanager
    def _enumeration(self, template: SubnetTemplate | None) -> Iterator[Any]:
        memory = None if template in (None, SubnetTemplate()) else template.as_c(self._ipv6_order)
        handle = ffi.new("HANDLE *")
        self._session.call(
            "IPsecSaContextCreateEnumHandle0", memory.pointer if memory else ffi.NULL, handle
        )
        try:
            yield handle[0]
        except BaseException:
            # The failure that is on its way says more than one of the clean-up.
            with suppress(EngineError):
                self._session.call("IPsecSaContextDestroyEnumHandle0", handle[0])
            raise
        self._session.call("IPsecSaContextDestroyEnumHandle0", handle[0])

    def _by_newest(self, read: Callable[[], T]) -> T:
        """What `read` gives; by generation 0 from where the engine does not know generation 1."""
        try:
            return read()
        except NotSupported:
            if self.generation == 0:
                raise
            self.generation = 0
            return read()

    def _enum(self, handle: Any, size: int) -> SaContextArray:
        generation = self.generation
        returned = ffi.new("UINT32 *")
        with ExitStack() as memory:
            entries = memory.enter_context(
                self._session.result(f"IPSEC_SA_CONTEXT{generation} ***")
            )
            self._session.call(f"IPsecSaContextEnum{generation}", handle, size, entries, returned)
            addresses = (
                read_pointers(int(ffi.cast("uintptr_t", entries[0])), returned[0])
                if entries[0]
                else ()
            )
            return SaContextArray(addresses, generation, self._ipv6_order, memory.pop_all())

    def _read(self, sa_context_id: int) -> Plain:
        with self._session.result(f"IPSEC_SA_CONTEXT{self.generation} **") as context:
            self._session.call(f"IPsecSaContextGetById{self.generation}", sa_context_id, context)
            if not context[0]:  # what the end of an enumeration may give, a lookup should not
                raise NotFound(WinError.FWP_E_NOT_FOUND, f"IPsecSaContextGetById{self.generation}")
            address = int(ffi.cast("uintptr_t", context[0]))
            return read_sa_context(address, self.generation, self._ipv6_order)
