"""Connections: pairs of hosts that communicate under IPsec, with byte counts (fwpmu.h).

Available since Windows 8 and Windows Server 2012. The engine tracks connections
only if its option FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS is set. This package
never sets the option.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.credentials import decode_credential, read_credential
from bindings.enumeration import PAGE_SIZE, ObjectArray, ObjectKind, ObjectReader, Template
from bindings.enums import IpVersion
from bindings.errors import NotFound
from bindings.guid import well_known_guid_text
from bindings.ike_records import Credential, IkeProposal
from bindings.memory import Layout, RawTree, read_guid
from bindings.session import Session
from bindings.winerror import WinError


class Connection(NamedTuple):
    """FWPM_CONNECTION0.

    `started` is a FILETIME, in units of 100 ns since 1601-01-01 UTC. In tunnel mode,
    the addresses are the tunnel endpoints.
    """

    connection_id: int
    ip_version: int
    local_address: bytes | None
    remote_address: bytes | None
    provider_key: str | None
    ipsec_traffic_mode_type: int
    key_module_type: int
    mm_crypto: IkeProposal
    mm_peer: Credential
    em_peer: Credential
    bytes_transferred_in: int
    bytes_transferred_out: int
    bytes_transferred_total: int
    started: int


CONNECTION = Layout(
    "FWPM_CONNECTION0",
    "connectionId",
    "ipVersion",
    "localV6Address",
    "remoteV6Address",
    "providerKey",
    "ipsecTrafficModeType",
    "keyModuleType",
    "mmCrypto.cipherAlgorithm.algoIdentifier",
    "mmCrypto.cipherAlgorithm.keyLen",
    "mmCrypto.cipherAlgorithm.rounds",
    "mmCrypto.integrityAlgorithm.algoIdentifier",
    "mmCrypto.maxLifetimeSeconds",
    "mmCrypto.dhGroup",
    "mmCrypto.quickModeLimit",
    "mmPeer.authenticationMethodType",
    "mmPeer.impersonationType",
    "mmPeer.certificate",
    "emPeer.authenticationMethodType",
    "emPeer.impersonationType",
    "emPeer.certificate",
    "bytesTransferredIn",
    "bytesTransferredOut",
    "bytesTransferredTotal",
    "startSysTime.dwLowDateTime",
    "startSysTime.dwHighDateTime",
)
CONNECTION_ID = Layout("FWPM_CONNECTION0", "connectionId")

QUERY_BYTES_TRANSFERRED: Final = 0x1
"""FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED (fwpmtypes.h)."""

_V4: Final = int(IpVersion.V4)
_V6: Final = int(IpVersion.V6)


def read_connection_id(address: int) -> int:
    """Read the id of the FWPM_CONNECTION0 at `address`."""
    connection_id: int = CONNECTION_ID.read(address)[0]
    return connection_id


def read_connection(address: int, _generation: int, ipv6_order: Ipv6Order) -> RawTree:
    """Copy the FWPM_CONNECTION0 at `address`; the struct has only one generation."""
    (
        connection_id,
        ip_version,
        local,
        remote,
        provider,
        traffic_mode,
        key_module,
        *crypto,
        mm_method,
        mm_impersonation,
        mm_proof,
        em_method,
        em_impersonation,
        em_proof,
        bytes_in,
        bytes_out,
        bytes_total,
        started_low,
        started_high,
    ) = CONNECTION.read(address)
    if ip_version == _V4:
        local, remote = ipv4_from_wfp(local), ipv4_from_wfp(remote)
    elif ip_version == _V6:
        local, remote = ipv6_order.from_wfp(local), ipv6_order.from_wfp(remote)
    else:
        local = remote = None
    return (
        connection_id,
        ip_version,
        local,
        remote,
        read_guid(provider),
        traffic_mode,
        key_module,
        tuple(crypto),
        read_credential(mm_method, mm_impersonation, mm_proof),
        read_credential(em_method, em_impersonation, em_proof),
        bytes_in,
        bytes_out,
        bytes_total,
        started_high << 32 | started_low,
    )


def decode_connection(tree: RawTree) -> Connection:
    """Decode a copied connection."""
    (
        connection_id,
        ip_version,
        local,
        remote,
        provider,
        traffic_mode,
        key_module,
        crypto,
        mm_peer,
        em_peer,
        *counts,
    ) = tree
    return Connection(
        connection_id,
        ip_version,
        local,
        remote,
        None if provider is None else well_known_guid_text(provider),
        traffic_mode,
        key_module,
        IkeProposal._make(crypto),
        decode_credential(*mm_peer),
        decode_credential(*em_peer),
        *counts,
    )


@dataclass(frozen=True, slots=True)
class ConnectionTemplate:
    """An enumeration template for connections.

    Attributes:
        connection_id: the only connection to return; 0 for all. WFP does not document that 0
            means all, but otherwise no template could set the flag below for all connections.
        counts_bytes: whether to set FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED. With this
            flag, the engine queries the driver for the byte counts. Without it, they may be
            stale or 0.
    """

    connection_id: int = 0
    counts_bytes: bool = True

    def as_c(self, _ipv6_order: Ipv6Order, struct: str) -> ConnectionTemplateMemory:
        """Convert the template to the C struct named `struct`."""
        return ConnectionTemplateMemory(self, struct)


class ConnectionTemplateMemory:
    """A template in C memory, valid as long as this object exists."""

    def __init__(self, template: ConnectionTemplate, struct: str) -> None:
        self.pointer: Any = ffi.new(f"{struct} *")
        self.pointer.connectionId = template.connection_id
        self.pointer.flags = QUERY_BYTES_TRANSFERRED if template.counts_bytes else 0


CONNECTIONS: Final = ObjectKind(
    functions="FwpmConnection",
    struct="FWPM_CONNECTION",
    template="FWPM_CONNECTION_ENUM_TEMPLATE0",
    newest=0,
    read_id=read_connection_id,
    read=read_connection,
    decode=decode_connection,
)


ONE_AND_END: Final = 2
"""The page size for reading one connection. One result does not fill a page, so it is the last."""


class ConnectionArray(ObjectArray[Connection]):
    """One page of connections in the engine's memory."""


class Connections(ObjectReader[Connection, ConnectionArray]):
    """A reader of connections through one session, by default with current byte counts.

    All reading methods raise `NotSupported` if the library or the engine lacks the functions, and
    `ConnectionsDisabled` if the engine does not track connections.
    """

    array = ConnectionArray

    def __init__(self, session: Session, *, ipv6_order: Ipv6Order = Ipv6Order.NETWORK) -> None:
        super().__init__(CONNECTIONS, session, ipv6_order=ipv6_order)

    def arrays(
        self, template: Template | None = None, size: int = PAGE_SIZE
    ) -> Generator[ConnectionArray]:
        """Yield pages of connections; see `ObjectReader.arrays`.

        Without a template, yield all connections with current byte counts. This uses a template
        whose id is 0. If that template matches nothing, the engine may treat 0 as an ordinary id.
        Therefore, each connection is then enumerated by its own id.
        """
        return super().arrays(template, size) if template else self._all(size)

    def _all(self, size: int) -> Generator[ConnectionArray]:
        is_empty = True
        with closing(super().arrays(ConnectionTemplate(), size)) as arrays:
            for array in arrays:
                is_empty = is_empty and not len(array)
                yield array
        for connection_id in self._ids(size) if is_empty else ():
            yield from super().arrays(ConnectionTemplate(connection_id), ONE_AND_END)

    def _ids(self, size: int) -> list[int]:
        """Return the ids of all connections, enumerated without a template."""
        ids: list[int] = []
        with closing(super().arrays(None, size)) as arrays:
            for array in arrays:
                with array:
                    ids += array.ids()
        return ids

    def read(self, object_id: int) -> RawTree:
        """Copy the connection with this id.

        The connection is enumerated by its id, because FwpmConnectionGetById0 has no
        flag to query the driver for byte counts.

        Raises:
            NotFound: there is no such connection.
            EngineError: as for `arrays`.
        """
        with closing(self.arrays(ConnectionTemplate(object_id), ONE_AND_END)) as arrays:
            for array in arrays:
                with array:
                    ids = array.ids()
                    if object_id in ids:
                        return array.read(ids.index(object_id))
        raise NotFound(WinError.FWP_E_NOT_FOUND, "FwpmConnectionEnum0")

    def look_up(self, connection_id: int) -> Connection:
        """Return the connection with this id, by FwpmConnectionGetById0; errors as for `read`.

        Its byte counts may be stale or 0.
        """
        return decode_connection(super().read(connection_id))
