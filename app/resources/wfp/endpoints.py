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
from bindings.ike_records import IkeProposal
from bindings.memory import RawTree


T = TypeVar("T")

_KEY: Final = Struct("<IB16sB16s")


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


PROTECTIONS: Final[Interner[Protection]] = Interner()
"""The interned protections. They are few: all numbers without a public name become `unknown`."""


def protection_of(
    ip_version: int,
    key_module: int,
    proposal: IkeProposal,
    authentication_methods: Iterable[int],
    traffic_type: tuple[str, ...] = (),
) -> Protection:
    """Return the protection described by WFP's values and the traffic type's public name."""
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
    )


def key_of_ends(protection: Protection, local: bytes | None, remote: bytes | None) -> Key:
    """Return the index key of a protection and two packed addresses."""
    local, remote = local or b"", remote or b""
    number = PROTECTIONS.number(protection)
    return _KEY.pack(number, len(local), local, len(remote), remote)


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

    Subnets and addresses are compared with the endpoints. Every other field is compared with
    the protection's field of the same name.
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

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the selection."""
        protections = InternedCondition(
            PROTECTIONS, self, set(self.names()).intersection(Protection._fields)
        )
        local_ranges = [*map(range_of, self.local_subnet)]
        remote_ranges = [*map(range_of, self.remote_subnet)]
        local_addresses = {address.packed for address in self.local_address}
        remote_addresses = {address.packed for address in self.remote_address}

        def matches(key: Key) -> bool:
            protection, local_length, local, remote_length, remote = _KEY.unpack(key)
            return (
                protections[protection]
                and (not local_addresses or local[:local_length] in local_addresses)
                and (not remote_addresses or remote[:remote_length] in remote_addresses)
                and (not local_ranges or is_on_any(local_length, local, local_ranges))
                and (not remote_ranges or is_on_any(remote_length, remote, remote_ranges))
            )

        return matches
