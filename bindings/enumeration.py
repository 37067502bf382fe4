"""Reading objects of one kind: all of them page by page, or one by its id (fwpmu.h).

WFP has the same four functions for each kind: …CreateEnumHandle0, …EnumN,
…DestroyEnumHandle0 and …GetByIdN, of which newer Windows has newer generations.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.errors import (
    UNREADABLE,
    EngineError,
    MalformedAnswer,
    NeverMatch,
    NotFound,
    NotSupported,
    reading,
)
from bindings.memory import RawTree, read_pointers
from bindings.session import Session
from bindings.template import SubnetTemplate
from bindings.winerror import WinError


R = TypeVar("R")
T = TypeVar("T")
A = TypeVar("A", bound="ObjectArray[Any]")

PAGE_SIZE: Final = 100
"""How many objects one call asks for, where nobody says otherwise.

One page is one RPC buffer and one stretch of decoding that lets no other
Python thread in; see benchmarks/.
"""


class TemplateInMemory(Protocol):
    """A template in C memory, which lives as long as this object."""

    pointer: Any


class Template(Protocol):
    """What an enumeration is narrowed by."""

    def as_c(self, ipv6_order: Ipv6Order, struct: str, /) -> TemplateInMemory:
        """The template as `struct`, which …CreateEnumHandle0 takes."""


@dataclass(frozen=True, slots=True)
class ObjectKind(Generic[R]):
    """What WFP calls the functions and structs of a kind, and how one object is read.

    Attributes:
        functions: what the functions' names begin with, `IPsecSaContext`.
        struct: the struct's name without its generation, `IPSEC_SA_CONTEXT`.
        template: the struct that the enumeration is narrowed by.
        newest: the newest generation of the functions and the struct.
        read_id: the id of the object at an address.
        read: a copy of the object at an address, of a generation.
        decode: the record of such a copy.
        lookup: what a generation's …GetByIdN takes after the id.
    """

    functions: str
    struct: str
    template: str
    newest: int
    read_id: Callable[[int], int]
    read: Callable[[int, int, Ipv6Order], RawTree]
    decode: Callable[[RawTree], R]
    lookup: Callable[[int], tuple[Any, ...]] = lambda _generation: ()


class ObjectArray(Generic[R]):
    """One page of an enumeration in the engine's memory, which whoever has it frees."""

    def __init__(
        self,
        kind: ObjectKind[R],
        addresses: tuple[int, ...],
        generation: int,
        ipv6_order: Ipv6Order,
        memory: ExitStack,
    ) -> None:
        self._kind = kind
        self._addresses = addresses
        self._generation = generation
        self._ipv6_order = ipv6_order
        self._memory = memory
        self._function = f"{kind.functions}Enum{generation}"

    def __len__(self) -> int:
        return len(self._addresses)

    def ids(self) -> list[int]:
        """The id of each object; MalformedAnswer as for `read`."""
        with reading(self._function):
            return [*map(self._kind.read_id, self._addresses)]

    def read(self, index: int) -> RawTree:
        """A copy of one object.

        Raises:
            IndexError: there is none, as once all are freed.
            MalformedAnswer: a pointer leads to where no memory can be.
        """
        address = self._addresses[index]
        try:  # costs less than `reading`, for thousands of objects
            return self._kind.read(address, self._generation, self._ipv6_order)
        except UNREADABLE:
            raise MalformedAnswer(self._function) from None

    def decode(self, index: int) -> R:
        """The record of one object; errors as for `read`."""
        return self._kind.decode(self.read(index))

    def free(self) -> None:
        """Free the whole array; further calls do nothing."""
        self._addresses = ()
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


class ObjectReader(Generic[R, A]):
    """What reads objects of one kind through one session.

    The newest generation of the functions is used that was asked for, that the
    library has and that the engine knows (it answers RPC_S_PROCNUM_OUT_OF_RANGE
    otherwise). Records of an older one lack what its structs lack.

    Attributes:
        array: the class of its pages.
        generation: the one in use.
    """

    array: type[A]

    def __init__(
        self,
        kind: ObjectKind[R],
        session: Session,
        *,
        generation: int | None = None,
        ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
    ) -> None:
        """Make a reader.

        Args:
            kind: what is read.
            session: through which.
            generation: the newest one to use; that of the kind where none is named.
            ipv6_order: see `Ipv6Order`.
        """
        self._kind = kind
        self._session = session
        self._ipv6_order = ipv6_order
        self.generation = kind.newest if generation is None else generation
        while self.generation > 0 and not session.library.has(self._name("Enum")):
            self.generation -= 1

    def pages(self, template: Template | None = None, size: int = PAGE_SIZE) -> Generator[list[R]]:
        """Yield every object once, in the engine's order, in pages of at most `size`.

        Each array is freed before its page is yielded. Errors are those of `arrays`.
        """
        with closing(self.arrays(template, size)) as arrays:
            for array in arrays:
                with array:
                    page = [array.decode(index) for index in range(len(array))]
                yield page

    def arrays(self, template: Template | None = None, size: int = PAGE_SIZE) -> Generator[A]:
        """Yield the pages as the engine gave them, each to be freed by whom it is given to.

        An enumeration ends when fewer entries are returned than were asked
        for. The handle is destroyed when the iteration ends. Who may leave it
        early closes it.

        Raises:
            ValueError: `size` is less than 1.
            NotSupported: neither the library nor the engine has the functions.
            IkeextNotRunning: there are none, for the service that negotiates them is stopped.
            AccessDenied: the account lacks FWPM_ACTRL_ENUM or FWPM_ACTRL_READ.
            EngineGone: the engine stopped or the session died; begin again in a new one.
            MalformedAnswer: an entry is NULL, or there are more than were asked for.
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

    def get(self, object_id: int) -> R:
        """The object of this id; errors as for `read`."""
        return self._kind.decode(self.read(object_id))

    def read(self, object_id: int) -> RawTree:
        """A copy of the object of this id.

        Raises:
            NotFound: there is none, or none any more.
            EngineError: as for `arrays`.
        """
        return self._by_newest(lambda: self._read(object_id))

    def _name(self, function: str) -> str:
        return f"{self._kind.functions}{function}{self.generation}"

    @contextmanager
    def _enumeration(self, template: Template | None) -> Iterator[Any]:
        memory = (
            None
            if template in (None, SubnetTemplate())
            else template.as_c(self._ipv6_order, self._kind.template)
        )
        handle = ffi.new("HANDLE *")
        functions = self._kind.functions
        self._session.call(
            f"{functions}CreateEnumHandle0", memory.pointer if memory else ffi.NULL, handle
        )
        try:
            yield handle[0]
        except BaseException:
            # The failure that is on its way says more than one of the clean-up.
            with suppress(EngineError):
                self._session.call(f"{functions}DestroyEnumHandle0", handle[0])
            raise
        self._session.call(f"{functions}DestroyEnumHandle0", handle[0])

    def _by_newest(self, read: Callable[[], T]) -> T:
        """What `read` gives, by the newest generation that the engine knows."""
        while True:
            try:
                return read()
            except NotSupported:
                if self.generation == 0:
                    raise
                self.generation -= 1

    def _enum(self, handle: Any, size: int) -> A:
        generation = self.generation
        returned = ffi.new("UINT32 *")
        with ExitStack() as memory:
            entries = memory.enter_context(
                self._session.result(f"{self._kind.struct}{generation} ***")
            )
            self._session.call(self._name("Enum"), handle, size, entries, returned)
            with reading(self._name("Enum")):
                addresses = read_pointers(int(ffi.cast("uintptr_t", entries[0])), returned[0], size)
            return self.array(self._kind, addresses, generation, self._ipv6_order, memory.pop_all())

    def _read(self, object_id: int) -> RawTree:
        generation, function = self.generation, self._name("GetById")
        with self._session.result(f"{self._kind.struct}{generation} **") as found:
            self._session.call(function, object_id, *self._kind.lookup(generation), found)
            if not found[0]:  # what the end of an enumeration may give, a lookup should not
                raise NotFound(WinError.FWP_E_NOT_FOUND, function)
            address = int(ffi.cast("uintptr_t", found[0]))
            with reading(function):
                return self._kind.read(address, generation, self._ipv6_order)
