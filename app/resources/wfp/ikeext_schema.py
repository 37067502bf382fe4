"""The schema of IKE proposals and credentials, shared by main mode SAs and connections."""

from pydantic import MISSING, Field

from app.schemas.base import Raw, Shape, Uint32
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    Impersonation,
)


class CipherAlgorithm(Shape):
    """IKEEXT_CIPHER_ALGORITHM0."""

    algo_identifier: IkeCipher
    algo_identifier_raw: Raw | MISSING = MISSING
    key_len: Uint32 = Field(description="Not used by Windows.")
    rounds: Uint32 = Field(description="Not used by Windows.")


class IntegrityAlgorithm(Shape):
    """IKEEXT_INTEGRITY_ALGORITHM0."""

    algo_identifier: IkeIntegrity
    algo_identifier_raw: Raw | MISSING = MISSING


class IkeProposal(Shape):
    """IKEEXT_PROPOSAL0: the algorithms and limits of the negotiation, not of the traffic."""

    cipher_algorithm: CipherAlgorithm
    integrity_algorithm: IntegrityAlgorithm
    max_lifetime_seconds: Uint32 = Field(
        description="The configured limit, not what remains of it."
    )
    dh_group: DhGroup
    dh_group_raw: Raw | MISSING = MISSING
    quick_mode_limit: Uint32 = Field(
        description="Maximum number of quick mode SAs that the main mode SA may negotiate; "
        "0: unlimited."
    )


class Certificate(Shape):
    """IKEEXT_CERTIFICATE_CREDENTIAL1: the subject and the thumbprint of a certificate."""

    subject_name: str | None = Field(
        description="The subject in RFC 4514 notation; null if it cannot be decoded.",
        examples=["CN=WEB01.corp.example,OU=Servers,O=Example"],
    )
    cert_hash: str = Field(
        pattern=r"^([0-9a-f]{2})*$",
        description="The certificate's thumbprint: its SHA-1 hash in hexadecimal.",
    )
    flags: Uint32


class Credential(Shape):
    """IKEEXT_CREDENTIAL2: how one side authenticated. Secrets are never shown."""

    authentication_method_type: AuthenticationMethod
    authentication_method_type_raw: Raw | MISSING = MISSING
    impersonation_type: Impersonation
    impersonation_type_raw: Raw | MISSING = MISSING
    certificate: Certificate | None = Field(
        description="Present for certificate methods; null for all others."
    )
    principal_name: str | None = Field(
        description="Present for Kerberos, NTLM and EAP; null for all others.",
        examples=["host/web01.corp.example"],
    )
