"""Tunnel policies: the tunnels that are configured, whether they are up or not (fwpmu.h).

WFP has no list of tunnels. Its provider contexts of quick mode in tunnel mode are the policies of
the configured tunnels, and they can be enumerated by their type.

Other provider contexts may contain preshared keys. Therefore, each enumeration has a template for
one type of tunnel, and this module cannot enumerate without one. If the engine returns an entry of
another type, that is an error, and only the type of the entry is read.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.enumeration import PAGE_SIZE, ObjectArray, ObjectKind, ObjectReader, Template
from bindings.enums import ProviderContextType
from bindings.errors import EnumerationTooLarge, MalformedAnswer
from bindings.memory import Layout, weight
from bindings.policy import NEWEST, ProviderContext, read_provider_context, tunnel_types
from bindings.session import Session


RESOURCE: Final = "tunnels"
"""The name in the notes of reads under way (`bindings.call_notes`)."""

MAX_BYTES: Final = 16 << 20
"""Maximum size of all policies with their names, in bytes: some 50,000 tunnels."""
ADDRESS_BYTES: Final = 40
"""Approximate memory of an address of a name, in addition to its bytes (`sys.getsizeof`)."""

TYPE: Final = Layout("FWPM_PROVIDER_CONTEXT3", "type")
"""This layout fits all generations."""
CONTEXT_ID: Final = Layout("FWPM_PROVIDER_CONTEXT3", "providerContextId")


class TunnelTemplate:
    """A template for the provider contexts of one type of tunnel, of any provider.

    Attributes:
        type: the type.
    """

    def __init__(self, type_: ProviderContextType) -> None:
        """Create a template.

        Raises:
            ValueError: the type is not that of a tunnel.
        """
        if type_ not in tunnel_types(NEWEST):
            raise ValueError(f"{type_!r} is not the type of a tunnel")
        self.type = type_

    def as_c(self, _ipv6_order: Ipv6Order, struct: str) -> TunnelTemplateMemory:
        """Convert the template to the C struct named `struct`."""
        return TunnelTemplateMemory(self, struct)


class TunnelTemplateMemory:
    """A template in C memory, valid as long as this object exists."""

    def __init__(self, template: TunnelTemplate, struct: str) -> None:
        self.pointer: Any = ffi.new(f"{struct} *")  # its providerKey is NULL: any provider
        self.pointer.providerContextType = template.type


class _Budget:
    """The memory that is left for the policies of all types, in bytes."""

    def __init__(self) -> None:
        self._left = MAX_BYTES

    def take(self, policy: ProviderContext, function: str) -> None:
        """Deduct the size of a policy.

        Raises:
            EnumerationTooLarge: too little is left.
        """
        self._left -= weight(policy)
        if policy.tunnel_policy is not None:
            self._left -= ADDRESS_BYTES * len(policy.tunnel_policy.endpoints.remote_addresses)
        if self._left < 0:
            raise EnumerationTooLarge(function, f"{MAX_BYTES >> 20} MiB")


class _Array(ObjectArray[ProviderContext]):
    """One page of provider contexts in the engine's memory."""


class _Reader(ObjectReader[ProviderContext, _Array]):
    """A reader of the provider contexts of one type of tunnel."""

    array = _Array

    def __init__(
        self,
        type_: ProviderContextType,
        session: Session,
        *,
        generation: int,
        ipv6_order: Ipv6Order,
        budget: _Budget,
    ) -> None:
        kind = _kind(type_, budget)
        super().__init__(kind, session, generation=generation, ipv6_order=ipv6_order)
        self._template = TunnelTemplate(type_)

    def arrays(self, template: Template | None = None, size: int = PAGE_SIZE) -> Generator[_Array]:
        """Yield pages of this type; there is no enumeration without a template."""
        return super().arrays(template or self._template, size)


def enumerate_tunnel_policies(
    session: Session,
    *,
    size: int = PAGE_SIZE,
    generation: int = NEWEST,
    ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
) -> list[ProviderContext]:
    """Return the policies of all configured tunnels, by type, in the engine's order.

    Each type is enumerated by itself: IKE, AuthIP and, since Windows 7, IKEv2. The engine's memory
    for a page is freed before the next page is read. Uses the newest generation, up to
    `generation`, that both the library and the engine implement.

    Args:
        session: the session to use.
        size: the number of policies per page.
        generation: the newest generation of provider contexts to use.
        ipv6_order: see `Ipv6Order`.

    Raises:
        ValueError: `size` is less than 1.
        NotSupported: the library or the engine lacks the functions.
        AccessDenied: the account lacks FWPM_ACTRL_ENUM or FWPM_ACTRL_READ.
        MalformedAnswer: an entry is NULL, cannot be read or has another type than requested, a
            string exceeds `AnswerLimits.max_record_elements`, a name has more than
            `MAX_ADDRESSES` addresses, or there are more entries than were requested.
        EnumerationTooLarge: there are more policies of a type than
            `AnswerLimits.max_enumeration_objects`, or all policies take more than `MAX_BYTES`.
        EngineGone: the engine stopped or the session died; start over in a new session.
        EngineError: any other error of the engine.
    """
    found: list[ProviderContext] = []
    budget = _Budget()
    for type_ in tunnel_types(generation):
        reader = _Reader(
            type_, session, generation=generation, ipv6_order=ipv6_order, budget=budget
        )
        if type_ not in tunnel_types(reader.generation):
            continue
        with closing(reader.pages(size=size)) as pages:
            for page in pages:
                found += page
        generation = reader.generation  # what the engine lacks is not called again
    return found


def _kind(type_: ProviderContextType, budget: _Budget) -> ObjectKind[ProviderContext]:
    """Return how to read the provider contexts of one type within a budget."""

    def read(address: int, generation: int, ipv6_order: Ipv6Order) -> ProviderContext:
        function = f"FwpmProviderContextEnum{generation}"
        if TYPE.read(address)[0] != type_:
            raise MalformedAnswer(function)
        policy = read_provider_context(address, generation, ipv6_order)
        budget.take(policy, function)  # at once: a page may exceed it by far
        return policy

    return ObjectKind(
        functions="FwpmProviderContext",
        struct="FWPM_PROVIDER_CONTEXT",
        template="FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0",
        newest=NEWEST,
        read_id=lambda address: int(CONTEXT_ID.read(address)[0]),
        read=read,
        decode=ProviderContext._make,
    )
