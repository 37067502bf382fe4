"""Main mode SAs as a listed resource: how they are read, indexed and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from app.repository.query.filters import Key, filter_field
from app.repository.query.interner import Interner
from app.repository.resource import ResourceKind
from app.repository.snapshot.model import Item
from app.resources.ike_sas.encoding import encode_ike_sa
from app.resources.wfp.endpoints import EndpointSelection, key_of_ends
from app.resources.wfp.names import (
    AUTHENTICATION_METHOD,
    DH_GROUP,
    IKE_CIPHER,
    IKE_INTEGRITY,
    IP_VERSION,
    KEY_MODULE,
)
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
)
from bindings.engine import Engine
from bindings.fingerprints import fingerprint
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import IkeSa
from bindings.memory import RawTree


class IkeProtection(NamedTuple):
    """How a main mode SA is protected, in public names; each field is compared by a filter."""

    ip_version: tuple[str]
    key_module: tuple[str]
    cipher: tuple[str]
    integrity: tuple[str]
    dh_group: tuple[str]
    authentication_method: tuple[str, ...]


PROTECTIONS: Final[Interner[IkeProtection]] = Interner()


@dataclass(frozen=True)
class IkeSaSelection(EndpointSelection):
    """Filters that a main mode SA must meet, all of them."""

    LIST: ClassVar[str] = "ike-sas"

    ip_version: tuple[IpVersion, ...] = filter_field(IpVersion)
    key_module: tuple[KeyModule, ...] = filter_field(KeyModule)
    cipher: tuple[IkeCipher, ...] = filter_field(IkeCipher)
    integrity: tuple[IkeIntegrity, ...] = filter_field(IkeIntegrity)
    dh_group: tuple[DhGroup, ...] = filter_field(DhGroup)
    authentication_method: tuple[AuthenticationMethod, ...] = filter_field(AuthenticationMethod)

    @classmethod
    def protections(cls) -> Interner[Any]:
        """Return the protections of main mode SAs."""
        return PROTECTIONS


class IkeSaKind(ResourceKind):
    """Main mode SAs."""

    selection = IkeSaSelection
    with_source = staticmethod(Engine.with_ike_sas)

    def encoder(self) -> IkeSaEncoder:
        """Create an encoder for one refresh."""
        return IkeSaEncoder()


class IkeSaEncoder:
    """Encodes main mode SAs as snapshot items."""

    def fingerprint(self, plain: RawTree) -> bytes:
        """Return a digest of the SA."""
        return fingerprint(plain)

    def item(self, plain: RawTree) -> Item:
        """Decode the SA and encode it as an item."""
        sa = decode_ike_sa(plain)
        return Item(index_key(sa), encode_ike_sa(sa))


def index_key(sa: IkeSa) -> Key:
    """Return the index key of a main mode SA."""
    traffic, proposal = sa.ike_traffic, sa.ike_proposal
    methods = {
        credential.authentication_method_type for pair in sa.ike_credentials for credential in pair
    }
    protection = IkeProtection(
        (IP_VERSION[traffic.ip_version]["ipVersion"],),
        (KEY_MODULE[sa.key_module_type]["keyModuleType"],),
        (IKE_CIPHER[proposal.cipher]["algoIdentifier"],),
        (IKE_INTEGRITY[proposal.integrity]["algoIdentifier"],),
        (DH_GROUP[proposal.dh_group]["dhGroup"],),
        tuple(sorted({AUTHENTICATION_METHOD[m]["authenticationMethodType"] for m in methods})),
    )
    return key_of_ends(
        PROTECTIONS.number(protection), traffic.local_address, traffic.remote_address
    )
