"""Reading main mode SAs: all of them in pages, or one by id (fwpmu.h)."""

from __future__ import annotations

from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.enumeration import ObjectArray, ObjectKind, ObjectReader
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import IkeSa
from bindings.ike_tree import read_ike_sa, read_ike_sa_id
from bindings.session import Session


def _lookup(generation: int) -> tuple[Any, ...]:
    """Return NULL for the optional saLookupContext, a parameter of IkeextSaGetById1 and 2."""
    return (ffi.NULL,) if generation >= 1 else ()


IKE_SA: Final = ObjectKind(
    functions="IkeextSa",
    struct="IKEEXT_SA_DETAILS",
    template="IKEEXT_SA_ENUM_TEMPLATE0",
    newest=2,
    read_id=read_ike_sa_id,
    read=read_ike_sa,
    decode=decode_ike_sa,
    lookup=_lookup,
)


class IkeSaArray(ObjectArray[IkeSa]):
    """One page of main mode SAs in the engine's memory."""


class IkeSas(ObjectReader[IkeSa, IkeSaArray]):
    """A reader of main mode SAs through one session.

    Generation 1 requires Windows 7, and generation 2 requires Windows 8.
    """

    array = IkeSaArray

    def __init__(
        self, session: Session, *, generation: int = 2, ipv6_order: Ipv6Order = Ipv6Order.NETWORK
    ) -> None:
        super().__init__(IKE_SA, session, generation=generation, ipv6_order=ipv6_order)
