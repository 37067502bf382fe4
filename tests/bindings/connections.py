"""Connections in C memory: arbitrary ones, and a second reader of them (see `second_reader`)."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from hypothesis import strategies as st

from bindings._fwpuclnt import ffi
from bindings.connections import Connection
from bindings.ike_records import Certificate, Credential, IkeProposal

from .structs import ABI, Struct


V4, V6 = (ABI["enums"]["FWP_IP_VERSION"][f"FWP_IP_VERSION_{name}"] for name in ("V4", "V6"))
METHODS: Final = ABI["enums"]["IKEEXT_AUTHENTICATION_METHOD_TYPE"]
BY_CERTIFICATE: Final = {
    METHODS[f"IKEEXT_{name}"]
    for name in (
        "CERTIFICATE",
        "CERTIFICATE_ECDSA_P256",
        "CERTIFICATE_ECDSA_P384",
        "SSL",
        "SSL_ECDSA_P256",
        "SSL_ECDSA_P384",
        "IPV6_CGA",
    )
}
BY_NAME: Final = {METHODS[f"IKEEXT_{name}"] for name in ("KERBEROS", "NTLM_V2", "EAP", "RESERVED")}


def second_reading(address: int) -> Connection:
    """The FWPM_CONNECTION0 at an address."""
    struct = Struct("FWPM_CONNECTION0", address)
    ip_version = struct.number("ipVersion")
    local = remote = None
    if ip_version == V4:
        local = struct.number("localV4Address").to_bytes(4, "big")
        remote = struct.number("remoteV4Address").to_bytes(4, "big")
    elif ip_version == V6:
        local, remote = struct.raw("localV6Address"), struct.raw("remoteV6Address")
    crypto = struct.embedded("mmCrypto")
    cipher = crypto.embedded("cipherAlgorithm")
    return Connection(
        connection_id=struct.number("connectionId"),
        ip_version=ip_version,
        local_address=local,
        remote_address=remote,
        provider_key=struct.guid_behind("providerKey"),
        ipsec_traffic_mode_type=struct.number("ipsecTrafficModeType"),
        key_module_type=struct.number("keyModuleType"),
        mm_crypto=IkeProposal(
            cipher=cipher.number("algoIdentifier"),
            cipher_key_length=cipher.number("keyLen"),
            cipher_rounds=cipher.number("rounds"),
            integrity=crypto.embedded("integrityAlgorithm").number("algoIdentifier"),
            max_lifetime_seconds=crypto.number("maxLifetimeSeconds"),
            dh_group=crypto.number("dhGroup"),
            quick_mode_limit=crypto.number("quickModeLimit"),
        ),
        mm_peer=_credential(struct.embedded("mmPeer")),
        em_peer=_credential(struct.embedded("emPeer")),
        bytes_transferred_in=struct.number("bytesTransferredIn"),
        bytes_transferred_out=struct.number("bytesTransferredOut"),
        bytes_transferred_total=struct.number("bytesTransferredTotal"),
        # minwinbase.h: the low half first, so both halves are one number in memory.
        started=int.from_bytes(ctypes.string_at(struct.place("startSysTime"), 8), "little"),
    )


def _credential(credential: Struct) -> Credential:
    method = credential.number("authenticationMethodType")
    certificate: Certificate | None = None
    name: str | None = None
    if method in BY_CERTIFICATE and (found := credential.followed("certificate")):
        certificate = Certificate(
            subject_name=_blob(found.embedded("subjectName")),
            cert_hash=_blob(found.embedded("certHash")),
            flags=found.number("flags"),
        )
    elif method in BY_NAME and (found := credential.followed("name")):
        name = found.text_behind("principalName")
    return Credential(method, credential.number("impersonationType"), certificate, name)


def _blob(blob: Struct) -> bytes:
    data = blob.number("data")
    return ctypes.string_at(data, blob.number("size")) if data else b""


class AnyConnection:
    """A FWPM_CONNECTION0 and all memory that it consists of.

    It begins as arbitrary bytes, padding included. Pointers that nobody may follow, to a preshared
    key for instance, lead nowhere: following one ends the process.
    """

    def __init__(self, draw: st.DrawFn, *, copyable: bool) -> None:
        self._draw = draw
        self._copyable = copyable
        self._parts: list[Any] = []
        self.struct = self._filled("FWPM_CONNECTION0")
        self.struct.ipVersion = draw(_members_of("FWP_IP_VERSION"))
        self.struct.providerKey = self._perhaps(lambda: self._filled("GUID"))
        self._grow(self.struct.mmPeer)
        self._grow(self.struct.emPeer)

    @property
    def address(self) -> int:
        return int(ffi.cast("uintptr_t", self.struct))

    def _filled(self, ctype: str) -> Any:
        size = ffi.sizeof(ctype)
        struct = ffi.new(f"{ctype} *")
        ffi.memmove(struct, self._draw(st.binary(min_size=size, max_size=size)), size)
        self._parts.append(struct)
        return struct

    def _array(self, ctype: str, content: bytes) -> Any:
        array = ffi.new(f"{ctype}[]", max(len(content) // ffi.sizeof(ctype), 1))
        ffi.memmove(array, content, len(content))
        self._parts.append(array)
        return array

    def _perhaps(self, make: Any) -> Any:
        return make() if self._draw(st.booleans()) else ffi.NULL

    def _nowhere(self, ctype: str) -> Any:
        return ffi.cast(f"{ctype} *", self._draw(st.sampled_from([0, 1, 0xFFF, 2**64 - 1])))

    def _unread(self, ctype: str) -> Any:
        return ffi.NULL if self._copyable else self._nowhere(ctype)

    def _grow(self, credential: Any) -> None:
        method = self._draw(_members_of("IKEEXT_AUTHENTICATION_METHOD_TYPE"))
        credential.authenticationMethodType = method
        if method in BY_CERTIFICATE:
            credential.certificate = self._perhaps(self._certificate)
        elif method in BY_NAME:
            credential.name = self._perhaps(self._name)
        else:
            credential.presharedKey = self._unread("IKEEXT_PRESHARED_KEY_AUTHENTICATION1")

    def _certificate(self) -> Any:
        certificate = self._filled("IKEEXT_CERTIFICATE_CREDENTIAL1")
        for blob in (certificate.subjectName, certificate.certHash):
            content = self._draw(st.binary(max_size=30))
            blob.size = len(content)
            blob.data = self._perhaps(lambda content=content: self._array("UINT8", content))
        certificate.certificate.data = self._unread("UINT8")
        return certificate

    def _name(self) -> Any:
        name = self._filled("IKEEXT_NAME_CREDENTIAL0")
        units = self._draw(st.lists(st.integers(1, 0xFFFF), max_size=20))
        content = b"".join(unit.to_bytes(2, "little") for unit in [*units, 0])
        name.principalName = self._perhaps(lambda: self._array("char16_t", content))
        return name


def _members_of(enumeration: str) -> st.SearchStrategy[int]:
    members = sorted(ABI["enums"][enumeration].values())
    return st.sampled_from(members) | st.integers(0, 2**32 - 1)


@st.composite
def any_connections(draw: st.DrawFn, *, copyable: bool = False) -> AnyConnection:
    """Connections of any content; what no reader may read is NULL if they are to be copied."""
    return AnyConnection(draw, copyable=copyable)
