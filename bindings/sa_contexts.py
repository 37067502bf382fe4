"""Reading SA contexts: all of them in pages, or one by id (fwpmu.h)."""

from __future__ import annotations

from typing import Final

from bindings.addresses import Ipv6Order
from bindings.decode import decode_sa_context
from bindings.enumeration import PAGE_SIZE, ObjectArray, ObjectKind, ObjectReader
from bindings.records import SaContext
from bindings.session import Session
from bindings.tree import read_sa_context, read_sa_context_id


__all__ = ["PAGE_SIZE", "SA_CONTEXT", "SaContextArray", "SaContexts"]

SA_CONTEXT: Final = ObjectKind(
    functions="IPsecSaContext",
    struct="IPSEC_SA_CONTEXT",
    template="IPSEC_SA_CONTEXT_ENUM_TEMPLATE0",
    newest=1,
    read_id=read_sa_context_id,
    read=read_sa_context,
    decode=decode_sa_context,
)


class SaContextArray(ObjectArray[SaContext]):
    """One page of SA contexts in the engine's memory."""


class SaContexts(ObjectReader[SaContext, SaContextArray]):
    """A reader of SA contexts through one session; generation 1 requires Windows 7."""

    array = SaContextArray

    def __init__(
        self, session: Session, *, generation: int = 1, ipv6_order: Ipv6Order = Ipv6Order.NETWORK
    ) -> None:
        super().__init__(SA_CONTEXT, session, generation=generation, ipv6_order=ipv6_order)
