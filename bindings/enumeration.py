"""Reading objects of one kind: all of them in pages, or one by id (fwpmu.h).

WFP has four functions for each kind: …CreateEnumHandle0, …EnumN,
…DestroyEnumHandle0 and …GetByIdN, where N is the generation. Later Windows
versions add newer generations.
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
    EnumerationTooLarge,
    MalformedAnswer,
    NeverMatch,
    NotFound,
    NotSupported,
    reading,
)
from bindings.limits import LIMITS
from bindings.memory import RawTree, read_pointers
from bindings.session import Session
from bindings.template import SubnetTemplate
from bindings.winerror import WinError


R = TypeVar("R")
T = TypeVar("T")
A = TypeVar("A", bound="ObjectArray[Any]")

PAGE_SIZE: Final = 100
"""The default number of objects per page; each page is the result of one call."""


class TemplateInMemory(Protocol):
    """A template in C memory, valid as long as this object exists."""

    pointer: Any


class Template(Protocol):
    """The filter of an enumeration."""

    def as_c(self, ipv6_order: Ipv6Order, struct: str, /) -> TemplateInMemory:
        """Convert the template to the C struct named `struct`, for …CreateEnumHandle0."""


@dataclass(frozen=True, slots=True)
class ObjectKind(Generic[R]):
    """The names of a kind's functions and structs, and how to read one object.

    Attributes:
        functions: the prefix of the functions' names, such as `IPsecSaContext`.
        struct: the struct's name without its generation, such as `IPSEC_SA_CONTEXT`.
        template: the name of the enumeration template's struct.
        newest: the newest generation of the functions and the struct.
        read_id: reads the id of the object at an address.
        read: copies the object at an address; the parameters are the address, the object's
            generation and the byte order of its IPv6 addresses.
        decode: decodes a copy into a record.
        lookup: returns the further arguments that …GetByIdN takes after the id, given N.
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
    """One page of an enumeration, in the engine's memory; the owner of the page must free it.

    Attributes:
        function: the function that returned it.
    """

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
        self.function: Final = f"{kind.functions}Enum{generation}"

    def __len__(self) -> int:
        return len(self._addresses)

    def ids(self) -> list[int]:
        """Return the id of each object.

        Raises:
            MalformedAnswer: a pointer leads outside the address space.
        """
        with reading(self.function):
            return [*map(self._kind.read_id, self._addresses)]

    def read(self, index: int) -> RawTree:
        """Copy one object.

        Raises:
            IndexError: there is no such object, or the array was freed.
            MalformedAnswer: a pointer leads outside the address space, or a count or a string
                exceeds `AnswerLimits.max_record_elements`.
        """
        address = self._addresses[index]
        try:  # faster than `reading`, as there are thousands of objects
            return self._kind.read(address, self._generation, self._ipv6_order)
        except UNREADABLE:
            raise MalformedAnswer(self.function) from None

    def decode(self, index: int) -> R:
        """Return the record of one object; errors as for `read`."""
        return self._kind.decode(self.read(index))

    def free(self) -> None:
        """Free the whole array; further calls do nothing."""
        self._addresses = ()
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


def too_many(function: str) -> EnumerationTooLarge:
    """Return the error of an enumeration of more than `AnswerLimits.max_enumeration_objects`."""
    return EnumerationTooLarge(function, f"{LIMITS.max_enumeration_objects:,} objects")


class ObjectReader(Generic[R, A]):
    """A reader of objects of one kind through one session.

    The reader uses the newest generation, up to the requested one, that the library
    exports and the engine implements. An engine that does not implement a generation
    returns RPC_S_PROCNUM_OUT_OF_RANGE. In records of an older generation, fields that
    its structs lack are None.

    Attributes:
        array: the class of a page.
        generation: the generation in use.
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
        """Create a reader.

        Args:
            kind: the kind of object to read.
            session: the session to use.
            generation: the newest generation to use; by default, the newest of the kind.
            ipv6_order: see `Ipv6Order`.
        """
        self._kind = kind
        self._session = session
        self._ipv6_order = ipv6_order
        self.generation = kind.newest if generation is None else generation
        while self.generation > 0 and not session.library.has(self._name("Enum")):
            self.generation -= 1

    def pages(self, template: Template | None = None, size: int = PAGE_SIZE) -> Generator[list[R]]:
        """Yield every matching object once, in the engine's order, in pages of at most `size`.

        The engine's memory for a page is freed before the page is yielded. Errors as for `arrays`.
        """
        with closing(self.arrays(template, size)) as arrays:
            for array in arrays:
                with array:
                    page = [array.decode(index) for index in range(len(array))]
                yield page

    def arrays(self, template: Template | None = None, size: int = PAGE_SIZE) -> Generator[A]:
        """Yield the pages, in the engine's memory; the caller owns each page and must free it.

        The enumeration ends with the first page of fewer than `size` entries. The
        handle is destroyed when the iteration ends; to end the iteration early, close
        the generator. If the engine finds that the template can never match, nothing is
        yielded.

        Raises:
            ValueError: `size` is less than 1.
            NotSupported: the library or the engine lacks the functions.
            IkeextNotRunning: the IKEEXT service is not running, so there are no main mode SAs.
            AccessDenied: the account lacks FWPM_ACTRL_ENUM or FWPM_ACTRL_READ.
            EngineGone: the engine stopped or the session died; start over in a new session.
            MalformedAnswer: an entry is NULL or out of reach, or there are more entries than
                were requested.
            EnumerationTooLarge: there are more objects than
                `AnswerLimits.max_enumeration_objects`.
            EngineError: any other error of the engine.
        """
        if size < 1:
            raise ValueError("a page has at least one entry")
        try:
            with self._enumeration(template) as handle:
                count, total = size, 0
                while count == size:
                    array = self._by_newest(lambda: self._enum(handle, size))
                    count = len(array)
                    total += count
                    if total > LIMITS.max_enumeration_objects:
                        array.free()
                        raise too_many(array.function)
                    yield array
        except NeverMatch:
            if template is None:
                raise

    def get(self, object_id: int) -> R:
        """Return the record with this id; errors as for `read`."""
        return self._kind.decode(self.read(object_id))

    def read(self, object_id: int) -> RawTree:
        """Copy the object with this id.

        Raises:
            NotFound: there is no such object.
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
            # Do not let a failed clean-up mask the original error.
            with suppress(EngineError):
                self._session.call(f"{functions}DestroyEnumHandle0", handle[0])
            raise
        self._session.call(f"{functions}DestroyEnumHandle0", handle[0])

    def _by_newest(self, read: Callable[[], T]) -> T:
        """Call `read` with the newest generation that the engine implements."""
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
            if not found[0]:  # the call succeeded, but returned no object
                raise NotFound(WinError.FWP_E_NOT_FOUND, function)
            address = int(ffi.cast("uintptr_t", found[0]))
            with reading(function):
                return self._kind.read(address, generation, self._ipv6_order)
