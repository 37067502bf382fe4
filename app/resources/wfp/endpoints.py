"""Index keys, filters and encoding of objects with two endpoints: main mode SAs and connections.

A host has many such objects but few protections (combinations of cipher, integrity and so on).
Protections are therefore interned, and an index key contains a protection's number instead of its
fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from struct import Struct
from typing import Final, Generic, NamedTuple, TypeVar

from app.repository.query.filters import (
    Address,
    Key,
    Selection,
    Subnet,
    filter_field,
    is_on_any,
    range_of,
)
from app.repository.query.interner import InternedCondition, Interner
from app.repository.snapshot.model import Item
from app.resources.wfp.distinguished_names import distinguished_name
from app.resources.wfp.indexed_names import NameKind, name_condition, names_in, pack_names
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
from bindings.fingerprints import fingerprint
from bindings.ike_records import Credential, IkeProposal
from bindings.memory import RawTree


T = TypeVar("T")

_KEY: Final = Struct("<I17p17p")
"""The protection's number and the two packed addresses, empty if absent. Names follow it."""


class Protection(NamedTuple):
    """The protection of an object, in public names.

    The algorithms are those of main mode. A filter is compared with the field of the same name.
    """

    ip_version: tuple[str]
    key_module: tuple[str]
    cipher: tuple[str]
    integrity: tuple[str]
    dh_group: tuple[str]
    authentication_method: tuple[str, ...]
    traffic_type: tuple[str, ...]
    weakness: tuple[str, ...]


PROTECTIONS: Final[Interner[Protection]] = Interner()
"""The interned protections. They are few: all numbers without a public name become `unknown`."""


def protection_of(
    ip_version: int,
    key_module: int,
    proposal: IkeProposal,
    authentication_methods: Iterable[int],
    traffic_type: tuple[str, ...] = (),
    weakness: tuple[str, ...] = (),
) -> Protection:
    """Return the protection described by WFP's values and by public names."""
    methods = {
        AUTHENTICATION_METHOD[method]["authenticationMethodType"]
        for method in authentication_methods
    }
    return Protection(
        (IP_VERSION[ip_version]["ipVersion"],),
        (KEY_MODULE[key_module]["keyModuleType"],),
        (IKE_CIPHER[proposal.cipher]["algoIdentifier"],),
        (IKE_INTEGRITY[proposal.integrity]["algoIdentifier"],),
        (DH_GROUP[proposal.dh_group]["dhGroup"],),
        tuple(sorted(methods)),
        traffic_type,
        weakness,
    )


def key_of_ends(
    protection: Protection,
    local: bytes | None,
    remote: bytes | None,
    peer_credentials: Iterable[Credential],
) -> Key:
    """Return the index key of a protection, two packed addresses and the peer's credentials."""
    names = [name_of(credential) for credential in peer_credentials]
    fixed = _KEY.pack(PROTECTIONS.number(protection), local or b"", remote or b"")
    return fixed + pack_names(NameKind.PRINCIPAL, dict.fromkeys(names))


def remote_of_ends(key: Key) -> bytes:
    """Return the packed remote address in an index key; empty if absent."""
    _protection, _local, remote = _KEY.unpack_from(key)
    return remote  # type: ignore[no-any-return]  # from a struct


def names_of_ends(key: Key) -> tuple[str, ...]:
    """Return the names in an index key, with which the peer authenticated."""
    return tuple(names_in(packed_names_of_ends(key), NameKind.PRINCIPAL))


def packed_names_of_ends(key: Key) -> bytes:
    """Return the packed names in an index key (`app.resources.wfp.indexed_names`)."""
    return key[_KEY.size :]


def key_module_of_ends(key: Key) -> str:
    """Return the public name of the keying module in an index key."""
    return PROTECTIONS[_KEY.unpack_from(key)[0]].key_module[0]


def name_of(credential: Credential) -> str | None:
    """Return the principal name or, for a certificate, its subject; None if there is neither."""
    certificate = credential.certificate
    if credential.principal_name is None and certificate is not None:
        return distinguished_name(certificate.subject_name)
    return credential.principal_name


def ends_of(key: Key) -> tuple[bytes, bytes, str]:
    """Return the packed addresses in an index key, and the traffic type; empty if absent."""
    number, local, remote = _KEY.unpack_from(key)
    return local, remote, next(iter(PROTECTIONS[number].traffic_type), "")


@dataclass(frozen=True)
class EndpointEncoder(Generic[T]):
    """Encodes objects whose items depend on nothing but their structs.

    Attributes:
        decode: decodes an object.
        index_key: returns the index key of a decoded object.
        encode: returns the JSON text of a decoded object.
    """

    decode: Callable[[RawTree], T]
    index_key: Callable[[T], Key]
    encode: Callable[[T], bytes]

    def fingerprint(self, tree: RawTree) -> bytes:
        """Return a digest of the whole object."""
        return fingerprint(tree)

    def item(self, tree: RawTree) -> Item:
        """Decode an object and encode it as an item."""
        decoded = self.decode(tree)
        return Item(self.index_key(decoded), self.encode(decoded))


@dataclass(frozen=True)
class EndpointSelection(Selection):
    """Filters on the two endpoints of an object and on its protection.

    Subnets and addresses are compared with the endpoints, and names with those that the peer
    authenticated with. Every other field is compared with the protection's field of the same name.
    """

    local_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    remote_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    local_address: tuple[Address, ...] = filter_field(ip_address)
    remote_address: tuple[Address, ...] = filter_field(ip_address)
    ip_version: tuple[IpVersion, ...] = filter_field(IpVersion)
    key_module: tuple[KeyModule, ...] = filter_field(KeyModule)
    cipher: tuple[IkeCipher, ...] = filter_field(IkeCipher)
    integrity: tuple[IkeIntegrity, ...] = filter_field(IkeIntegrity)
    dh_group: tuple[DhGroup, ...] = filter_field(DhGroup)
    authentication_method: tuple[AuthenticationMethod, ...] = filter_field(AuthenticationMethod)
    principal_name: tuple[str, ...] = filter_field(str)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the selection."""
        protections = InternedCondition(
            PROTECTIONS, self, set(self.names()).intersection(Protection._fields)
        )
        local_ranges = [*map(range_of, self.local_subnet)]
        remote_ranges = [*map(range_of, self.remote_subnet)]
        local_addresses = {address.packed for address in self.local_address}
        remote_addresses = {address.packed for address in self.remote_address}
        names = self.principal_name
        has_name = name_condition({NameKind.PRINCIPAL: names})

        def matches(key: Key) -> bool:
            protection, local, remote = _KEY.unpack_from(key)
            return (
                protections[protection]
                and (not local_addresses or local in local_addresses)
                and (not remote_addresses or remote in remote_addresses)
                and (not local_ranges or is_on_any(local, local_ranges))
                and (not remote_ranges or is_on_any(remote, remote_ranges))
                and (not names or has_name(key[_KEY.size :]))
            )

        return matches
