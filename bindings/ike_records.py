"""Main mode SAs, as immutable records in WFP's own terms; see `bindings.records`.

A record has the fields of the struct that it is named after (iketypes.h),
without keys, shared secrets and what was derived from them. Of a credential
there is how it proves who someone is, and who that is.
"""

from __future__ import annotations

from typing import NamedTuple

from bindings.records import UdpEncapsulation


class IkeTraffic(NamedTuple):
    """IKEEXT_TRAFFIC0: between which hosts."""

    ip_version: int
    local_address: bytes | None
    remote_address: bytes | None
    auth_ip_filter_id: int


class IkeProposal(NamedTuple):
    """IKEEXT_PROPOSAL0: what was agreed on to protect the negotiation itself.

    `cipher_key_length` and `cipher_rounds` are unused by WFP, `quick_mode_limit`
    0 is no limit.
    """

    cipher: int
    cipher_key_length: int
    cipher_rounds: int
    integrity: int
    max_lifetime_seconds: int
    dh_group: int
    quick_mode_limit: int


class CookiePair(NamedTuple):
    """IKEEXT_COOKIE_PAIR0: the SPIs of IKE. In which order their bytes stand is not documented."""

    initiator: int
    responder: int


class Certificate(NamedTuple):
    """IKEEXT_CERTIFICATE_CREDENTIAL1 (0): who a certificate is of, and which it is.

    `subject_name` is an X.501 name in DER, `cert_hash` the certificate's SHA-1.
    The certificate itself is not read.
    """

    subject_name: bytes
    cert_hash: bytes
    flags: int


class Credential(NamedTuple):
    """IKEEXT_CREDENTIAL2 (1, 0): how someone proved who it is.

    There is a certificate for the methods by certificate, a name for Kerberos,
    NTLM and EAP, and neither for a preshared key, for the anonymous and for a
    method that is not known.
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
    """IKEEXT_SA_DETAILS2 (1, 0): an SA of main mode, which the bundle's mmSaId names.

    The first pair of credentials is main mode's, the second extended mode's.
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
