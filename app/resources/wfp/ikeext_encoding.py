"""IKE proposals, credentials and UDP ports as JSON objects (`app.resources.wfp.ikeext_schema`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from app.resources.wfp.distinguished_names import distinguished_name
from app.resources.wfp.names import (
    AUTHENTICATION_METHOD,
    DH_GROUP,
    IKE_CIPHER,
    IKE_INTEGRITY,
    IMPERSONATION,
)
from bindings.ike_records import Certificate, Credential, IkeProposal
from bindings.records import UdpEncapsulation


MAX_CACHED_PROPOSALS: Final = 1024
"""Far more than the number of different proposals that a host is expected to have."""


@lru_cache(maxsize=MAX_CACHED_PROPOSALS)
def render_proposal(proposal: IkeProposal) -> dict[str, Any]:
    """Return a proposal as an `IkeProposal` object."""
    return {
        "cipherAlgorithm": {
            **IKE_CIPHER[proposal.cipher],
            "keyLen": proposal.cipher_key_length,
            "rounds": proposal.cipher_rounds,
        },
        "integrityAlgorithm": {**IKE_INTEGRITY[proposal.integrity]},
        "maxLifetimeSeconds": proposal.max_lifetime_seconds,
        **DH_GROUP[proposal.dh_group],
        "quickModeLimit": proposal.quick_mode_limit,
    }


def render_credential(credential: Credential) -> dict[str, Any]:
    """Return a credential as a `Credential` object."""
    certificate = credential.certificate
    return {
        **AUTHENTICATION_METHOD[credential.authentication_method_type],
        **IMPERSONATION[credential.impersonation_type],
        "certificate": None if certificate is None else _certificate(certificate),
        "principalName": credential.principal_name,
    }


def render_udp_encapsulation(udp: UdpEncapsulation) -> dict[str, Any]:
    """Return the ports of UDP encapsulation as a `UdpEncapsulation` object."""
    return {
        "localUdpEncapPort": udp.local_udp_encap_port,
        "remoteUdpEncapPort": udp.remote_udp_encap_port,
    }


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "subjectName": distinguished_name(certificate.subject_name),
        "certHash": certificate.cert_hash.hex(),
        "flags": certificate.flags,
    }
