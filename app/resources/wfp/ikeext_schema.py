"""What IKE and AuthIP agreed on, and with whom: what main mode SAs and connections share."""

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
    """IKEEXT_PROPOSAL0: what protects the negotiation itself, not the traffic."""

    cipher_algorithm: CipherAlgorithm
    integrity_algorithm: IntegrityAlgorithm
    max_lifetime_seconds: Uint32 = Field(
        description="The configured limit, not what remains of it."
    )
    dh_group: DhGroup
    dh_group_raw: Raw | MISSING = MISSING
    quick_mode_limit: Uint32 = Field(
        description="How many quick mode SAs the main mode SA may negotiate; 0: no limit."
    )


class Certificate(Shape):
    """IKEEXT_CERTIFICATE_CREDENTIAL1: whose certificate, and which."""

    subject_name: str | None = Field(
        description="The subject, as RFC 4514 writes it; null where it cannot be read.",
        examples=["CN=WEB01.corp.example,OU=Servers,O=Example"],
    )
    cert_hash: str = Field(
        pattern=r"^([0-9a-f]{2})*$",
        description="The certificate's hash (SHA-1), in hexadecimal digits: its thumbprint.",
    )
    flags: Uint32


class Credential(Shape):
    """IKEEXT_CREDENTIAL2: how someone proved who it is. Secrets are never shown."""

    authentication_method_type: AuthenticationMethod
    authentication_method_type_raw: Raw | MISSING = MISSING
    impersonation_type: Impersonation
    impersonation_type_raw: Raw | MISSING = MISSING
    certificate: Certificate | None = Field(
        description="For the methods by certificate; null for all others."
    )
    principal_name: str | None = Field(
        description="For Kerberos, NTLM and EAP; null for all others.",
        examples=["host/web01.corp.example"],
    )
