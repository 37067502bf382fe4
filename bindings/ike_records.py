"""Main mode SAs, as immutable records in WFP's terms; see `bindings.records`.

A record has the fields of the struct that its docstring names (iketypes.h),
without keys, shared secrets and values derived from them. A credential has the
authentication method and the identity, but nothing that proves the identity.
"""

from __future__ import annotations

from typing import NamedTuple

from bindings.records import UdpEncapsulation


class IkeTraffic(NamedTuple):
    """IKEEXT_TRAFFIC0: the addresses of the two hosts."""

    ip_version: int
    local_address: bytes | None
    remote_address: bytes | None
    auth_ip_filter_id: int


class IkeProposal(NamedTuple):
    """IKEEXT_PROPOSAL0: the negotiated algorithms and limits of main mode.

    WFP does not use `cipher_key_length` and `cipher_rounds`. A `quick_mode_limit`
    of 0 means no limit.
    """

    cipher: int
    cipher_key_length: int
    cipher_rounds: int
    integrity: int
    max_lifetime_seconds: int
    dh_group: int
    quick_mode_limit: int


class CookiePair(NamedTuple):
    """IKEEXT_COOKIE_PAIR0: the IKE SPIs. Their byte order is undocumented."""

    initiator: int
    responder: int


class Certificate(NamedTuple):
    """IKEEXT_CERTIFICATE_CREDENTIAL1 (0): a certificate's subject and thumbprint.

    `subject_name` is an X.501 name in DER. `cert_hash` is the SHA-1 hash of the
    certificate. The certificate itself is not read.
    """

    subject_name: bytes
    cert_hash: bytes
    flags: int


class Credential(NamedTuple):
    """IKEEXT_CREDENTIAL2 (1, 0): an authenticated identity.

    `certificate` is set for certificate-based methods. `principal_name` is set for
    Kerberos, NTLM and EAP, and in IKEEXT_CREDENTIAL2 also for the reserved method.
    Both are None for a preshared key, an anonymous peer and an unknown method.
    """

    authentication_method_type: int
    impersonation_type: int
    certificate: Certificate | None
    principal_name: str | None


class CredentialPair(NamedTuple):
    """IKEEXT_CREDENTIAL_PAIR2 (1, 0)."""

    local_credentials: Credential
    peer_credentials: Credential


class IkeSa(NamedTuple):
    """IKEEXT_SA_DETAILS2 (1, 0): a main mode SA, to which the mmSaId of an SA bundle refers.

    The first pair of credentials is for main mode, the second for extended mode.
    """

    sa_id: int
    key_module_type: int
    ip_version: int
    v4_udp_encapsulation: UdpEncapsulation | None
    ike_traffic: IkeTraffic
    ike_proposal: IkeProposal
    cookie_pair: CookiePair
    ike_credentials: tuple[CredentialPair, ...]
    ike_policy_key: str
    virtual_if_tunnel_id: int
