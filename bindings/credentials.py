"""Reading IKE credentials: the authentication method and the identity (iketypes.h).

No layout names a preshared key or a complete certificate, so neither is read.
"""

from __future__ import annotations

from typing import Final

from bindings.enums import AuthenticationMethod
from bindings.ike_records import Certificate, Credential
from bindings.memory import Layout, RawTree, read_wide_string
from bindings.values import read_blob


CERTIFICATE = Layout(
    "IKEEXT_CERTIFICATE_CREDENTIAL1",
    "subjectName.size",
    "subjectName.data",
    "certHash.size",
    "certHash.data",
    "flags",
)
"""IKEEXT_CERTIFICATE_CREDENTIAL0 has these fields at the same offsets."""
NAME = Layout("IKEEXT_NAME_CREDENTIAL0", "principalName")

BY_CERTIFICATE: Final = frozenset(
    (
        AuthenticationMethod.CERTIFICATE,
        AuthenticationMethod.SSL,
        AuthenticationMethod.IPV6_CGA,
        AuthenticationMethod.CERTIFICATE_ECDSA_P256,
        AuthenticationMethod.CERTIFICATE_ECDSA_P384,
        AuthenticationMethod.SSL_ECDSA_P256,
        AuthenticationMethod.SSL_ECDSA_P384,
    )
)
"""The methods for which the union points to a certificate."""

_BY_NAME: Final = frozenset(
    (AuthenticationMethod.KERBEROS, AuthenticationMethod.NTLM_V2, AuthenticationMethod.EAP)
)
BY_NAME_OF_GENERATION: Final = (_BY_NAME, _BY_NAME, _BY_NAME | {AuthenticationMethod.RESERVED})
"""By generation, the methods for which the union points to a name.

The reserved method has a name only in IKEEXT_CREDENTIAL2.
"""


def read_credential(method: int, impersonation: int, proof: int, generation: int = 2) -> RawTree:
    """Copy the credential of an IKEEXT_CREDENTIAL0, 1 or 2.

    Args:
        method: authenticationMethodType, which selects the member of the union.
        impersonation: impersonationType.
        proof: the pointer in the union.
        generation: the generation of the struct.
    """
    certificate: RawTree | None = None
    name: str | None = None
    if not proof:
        pass
    elif method in BY_CERTIFICATE:
        subject_size, subject, hash_size, hash_, flags = CERTIFICATE.read(proof)
        certificate = read_blob(subject_size, subject), read_blob(hash_size, hash_), flags
    elif method in BY_NAME_OF_GENERATION[generation]:
        name = read_wide_string(NAME.read(proof)[0])
    return method, impersonation, certificate, name


def decode_credential(
    method: int, impersonation: int, certificate: RawTree | None, name: str | None
) -> Credential:
    """Decode a copied credential."""
    return Credential(
        method,
        impersonation,
        None if certificate is None else Certificate._make(certificate),
        name,
    )
