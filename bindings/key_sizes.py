"""The sizes of SA keys.

They show whether the engine returns keys to readers, which is undocumented.

A key is a FWP_BYTE_BLOB, that is, a size and a pointer (IPSEC_SA_AUTH_INFORMATION0,
IPSEC_SA_CIPHER_INFORMATION0; ipsectypes.h). The layouts name only the sizes, so neither
the pointers nor the keys are read.
"""

from __future__ import annotations

from typing import Final

from bindings.addresses import Ipv6Order
from bindings.enumeration import ObjectArray, ObjectKind, ObjectReader
from bindings.enums import AUTHENTICATING, ENCRYPTING, TransformType
from bindings.memory import Layout, RawTree
from bindings.session import Session
from bindings.tree import CONTEXT, GENERATIONS, SA, read_sa_context_id


SA_LISTS: Final = tuple(Layout(f"IPSEC_SA_BUNDLE{n}", "numSAs", "saList") for n in (0, 1))
AUTH: Final = Layout("IPSEC_SA_AUTH_INFORMATION0", "authKey.size")
CIPHER: Final = Layout("IPSEC_SA_CIPHER_INFORMATION0", "cipherKey.size")
BOTH: Final = Layout(
    "IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0",
    "saCipherInformation.cipherKey.size",
    "saAuthInformation.authKey.size",
)


def read_key_sizes(address: int, generation: int, _ipv6_order: Ipv6Order) -> RawTree:
    """Read the size of each key of the context at `address`, in bytes; 0 for a withheld key."""
    _, *directions = CONTEXT.read(address)
    offset = GENERATIONS[generation].bundle_offset
    return tuple(
        size
        for details in directions
        if details
        for size in _sizes(*SA_LISTS[generation].read(details + offset))
    )


def _sizes(count: int, sa_list: int) -> list[int]:
    sizes: list[int] = []
    for _, transform, information in SA.read_array(sa_list, count) if sa_list else ():
        if not information:
            continue
        if transform == TransformType.ESP_AUTH_AND_CIPHER:
            sizes += BOTH.read(information)
        elif transform in AUTHENTICATING:
            sizes += AUTH.read(information)
        elif transform in ENCRYPTING:
            sizes += CIPHER.read(information)
    return sizes


class KeySizeArray(ObjectArray[RawTree]):
    """One page of SA contexts, of which only the key sizes are read."""


class KeySizes(ObjectReader[RawTree, KeySizeArray]):
    """A reader of key sizes through one session; a record has the key sizes of one SA context."""

    array = KeySizeArray

    def __init__(self, session: Session) -> None:
        super().__init__(
            ObjectKind(
                functions="IPsecSaContext",
                struct="IPSEC_SA_CONTEXT",
                template="IPSEC_SA_CONTEXT_ENUM_TEMPLATE0",
                newest=1,
                read_id=read_sa_context_id,
                read=read_key_sizes,
                decode=lambda sizes: sizes,
            ),
            session,
        )
