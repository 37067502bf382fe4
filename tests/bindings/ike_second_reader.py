"""The second reader (see `second_reader`) of main mode SAs: iketypes.h, field by field."""

from __future__ import annotations

import ctypes
from typing import Final

from bindings.ike_records import (
    Certificate,
    CookiePair,
    Credential,
    CredentialPair,
    IkeProposal,
    IkeSa,
    IkeTraffic,
)
from bindings.records import UdpEncapsulation

from .structs import ABI, Struct


_V4: Final = ABI["enums"]["FWP_IP_VERSION"]["FWP_IP_VERSION_V4"]
_V6: Final = ABI["enums"]["FWP_IP_VERSION"]["FWP_IP_VERSION_V6"]
_METHODS: Final = ABI["enums"]["IKEEXT_AUTHENTICATION_METHOD_TYPE"]

CERTIFICATE_METHODS: Final = {
    _METHODS[f"IKEEXT_{name}"]
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
NAME_METHODS: Final = {_METHODS[f"IKEEXT_{name}"] for name in ("KERBEROS", "NTLM_V2", "EAP")}
PRESHARED_KEY: Final = _METHODS["IKEEXT_PRESHARED_KEY"]
RESERVED: Final = _METHODS["IKEEXT_RESERVED"]
"""Has an arm in the union of IKEEXT_CREDENTIAL2 only (iketypes.h)."""


def read_sa(address: int, generation: int = 2) -> IkeSa:
    """The IKEEXT_SA_DETAILS0, 1 or 2 at an address."""
    sa = Struct(f"IKEEXT_SA_DETAILS{generation}", address)
    ip_version = sa.number("ipVersion")
    udp = sa.followed("v4UdpEncapsulation") if ip_version == _V4 else None
    cookies = sa.embedded("cookiePair")
    return IkeSa(
        sa_id=sa.number("saId"),
        key_module_type=sa.number("keyModuleType"),
        ip_version=ip_version,
        v4_udp_encapsulation=_udp_encapsulation(udp) if udp else None,
        ike_traffic=_traffic(sa.embedded("ikeTraffic")),
        ike_proposal=_proposal(sa.embedded("ikeProposal")),
        cookie_pair=CookiePair(
            initiator=cookies.number("initiator"), responder=cookies.number("responder")
        ),
        ike_credentials=tuple(
            CredentialPair(
                local_credentials=_credential(pair.embedded("localCredentials"), generation),
                peer_credentials=_credential(pair.embedded("peerCredentials"), generation),
            )
            for pair in sa.embedded("ikeCredentials").array("credentials", "numCredentials")
        ),
        ike_policy_key=sa.guid("ikePolicyKey"),
        virtual_if_tunnel_id=sa.number("virtualIfTunnelId"),
    )


def _udp_encapsulation(udp: Struct) -> UdpEncapsulation:
    return UdpEncapsulation(
        local_udp_encap_port=udp.number("localUdpEncapPort"),
        remote_udp_encap_port=udp.number("remoteUdpEncapPort"),
    )


def _traffic(traffic: Struct) -> IkeTraffic:
    ip_version = traffic.number("ipVersion")
    local = remote = None
    if ip_version == _V4:
        local, remote = (
            traffic.number(field).to_bytes(4, "big")
            for field in ("localV4Address", "remoteV4Address")
        )
    elif ip_version == _V6:
        local, remote = traffic.raw("localV6Address"), traffic.raw("remoteV6Address")
    return IkeTraffic(
        ip_version=ip_version,
        local_address=local,
        remote_address=remote,
        auth_ip_filter_id=traffic.number("authIpFilterId"),
    )


def _proposal(proposal: Struct) -> IkeProposal:
    cipher = proposal.embedded("cipherAlgorithm")
    return IkeProposal(
        cipher=cipher.number("algoIdentifier"),
        cipher_key_length=cipher.number("keyLen"),
        cipher_rounds=cipher.number("rounds"),
        integrity=proposal.embedded("integrityAlgorithm").number("algoIdentifier"),
        max_lifetime_seconds=proposal.number("maxLifetimeSeconds"),
        dh_group=proposal.number("dhGroup"),
        quick_mode_limit=proposal.number("quickModeLimit"),
    )


def _credential(credential: Struct, generation: int) -> Credential:
    method = credential.number("authenticationMethodType")
    certificate: Certificate | None = None
    name: str | None = None
    if method in CERTIFICATE_METHODS:
        found = credential.followed("certificate")
        certificate = _certificate(found) if found else None
    elif method in NAME_METHODS or (method == RESERVED and generation == 2):
        named = credential.followed("name")
        name = named.text_behind("principalName") if named else None
    return Credential(
        authentication_method_type=method,
        impersonation_type=credential.number("impersonationType"),
        certificate=certificate,
        principal_name=name,
    )


def _certificate(certificate: Struct) -> Certificate:
    return Certificate(
        subject_name=_blob(certificate.embedded("subjectName")),
        cert_hash=_blob(certificate.embedded("certHash")),
        flags=certificate.number("flags"),
    )


def _blob(blob: Struct) -> bytes:
    data = blob.number("data")
    return ctypes.string_at(data, blob.number("size")) if data else b""
