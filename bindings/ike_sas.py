"""Reading main mode SAs, IKE's own: all of them page by page, or one by its id (fwpmu.h)."""

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
    """The saLookupContext of IkeextSaGetById1 and 2, which is optional."""
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
    """What reads main mode SAs through one session.

    Generation 2 came with Windows 8, 1 with Windows 7.
    """

    array = IkeSaArray

    def __init__(
        self, session: Session, *, generation: int = 2, ipv6_order: Ipv6Order = Ipv6Order.NETWORK
    ) -> None:
        super().__init__(IKE_SA, session, generation=generation, ipv6_order=ipv6_order)
