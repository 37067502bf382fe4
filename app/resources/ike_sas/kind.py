"""Main mode SAs as a kind of what is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from app.repository.query.filters import Key, wanted
from app.repository.resource import Enumerable, Kind
from app.repository.snapshot.model import Entry
from app.resources.ike_sas.encoding import encode_ike_sa
from app.resources.wfp.endpoints import EndpointSelection, Ways, key_of_ends
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
from bindings.fingerprints import mark_of
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import IkeSa
from bindings.memory import Plain


T = TypeVar("T")


class IkeWay(NamedTuple):
    """How a main mode SA is protected, in public names; each field as the filter of its name."""

    ip_version: tuple[str]
    key_module: tuple[str]
    cipher: tuple[str]
    integrity: tuple[str]
    dh_group: tuple[str]
    authentication_method: tuple[str, ...]


WAYS: Final[Ways[IkeWay]] = Ways()


@dataclass(frozen=True)
class IkeSaSelection(EndpointSelection):
    """What a main mode SA must meet: all that is asked for."""

    LIST: ClassVar[str] = "ike-sas"

    ip_version: tuple[IpVersion, ...] = wanted(IpVersion)
    key_module: tuple[KeyModule, ...] = wanted(KeyModule)
    cipher: tuple[IkeCipher, ...] = wanted(IkeCipher)
    integrity: tuple[IkeIntegrity, ...] = wanted(IkeIntegrity)
    dh_group: tuple[DhGroup, ...] = wanted(DhGroup)
    authentication_method: tuple[AuthenticationMethod, ...] = wanted(AuthenticationMethod)

    @classmethod
    def ways(cls) -> Ways[Any]:
        """Those of main mode SAs."""
        return WAYS


class IkeSaKind(Kind):
    """Main mode SAs."""

    selection = IkeSaSelection

    def attempt(self, engine: Engine, work: Callable[[Enumerable], T]) -> T:
        """See `Engine.ike_sas`."""
        return engine.ike_sas(work)

    def encoder(self) -> IkeSaEncoder:
        """An encoder."""
        return IkeSaEncoder()

    def read(self, engine: Engine, id_: int) -> Plain:
        """A copy of one main mode SA."""
        return engine.ike_sas(lambda sas: sas.read(id_))


class IkeSaEncoder:
    """Makes entries of main mode SAs."""

    def mark(self, plain: Plain) -> bytes:
        """A digest of the SA."""
        return mark_of(plain)

    def entry(self, plain: Plain) -> Entry:
        """The SA, decoded and encoded."""
        sa = decode_ike_sa(plain)
        return Entry(key_of(sa), encode_ike_sa(sa))


def key_of(sa: IkeSa) -> Key:
    """The key of a main mode SA."""
    traffic, proposal = sa.ike_traffic, sa.ike_proposal
    methods = {
        credential.authentication_method_type for pair in sa.ike_credentials for credential in pair
    }
    way = IkeWay(
        (IP_VERSION[traffic.ip_version]["ipVersion"],),
        (KEY_MODULE[sa.key_module_type]["keyModuleType"],),
        (IKE_CIPHER[proposal.cipher]["algoIdentifier"],),
        (IKE_INTEGRITY[proposal.integrity]["algoIdentifier"],),
        (DH_GROUP[proposal.dh_group]["dhGroup"],),
        tuple(sorted({AUTHENTICATION_METHOD[m]["authenticationMethodType"] for m in methods})),
    )
    return key_of_ends(WAYS.number_of(way), traffic.local_address, traffic.remote_address)
