"""The schema of certificates and of their list."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import MISSING, Field

from app.answers.certificates.names import CertificateSide, KeyUsage, StoreState
from app.schemas.base import IpAddress, Shape
from app.schemas.pages import NEXT_CURSOR, Snapshot


class EnhancedKeyUsage(Shape):
    """An enhanced key usage."""

    usage: KeyUsage
    oid: str = Field(description="Its object identifier.", examples=["1.3.6.1.5.5.8.2.2"])


class UsedCertificate(Shape):
    """A certificate that main mode SAs use.

    The engine gives only the thumbprint and the subject. The members from `issuer` to
    `subjectAltNames` come from the store; they are null for peers' certificates, and for this
    host's if they are not in the store.
    """

    thumbprint: str = Field(
        pattern=r"^([0-9a-f]{2}){1,64}$",
        description="The SHA-1 hash of the certificate in hexadecimal, `certHash` of `/ike-sas`. "
        "If the engine gives a hash of another length, that hash.",
        examples=["a909502dd82ae41433e6f83886b00d4277a32a7b"],
    )
    sides: list[CertificateSide] = Field(
        min_length=1, description="Who authenticates with it. A host may share it with its peers."
    )
    subject: str | None = Field(
        description="The subject in RFC 4514 notation; null if it cannot be decoded.",
        examples=["CN=WEB01.corp.example"],
    )
    issuer: str | None = Field(description="The issuer, likewise.")
    serial_number: str | None = Field(
        pattern=r"^([0-9a-f]{2})+$", description="The serial number in hexadecimal."
    )
    not_before: datetime | None = Field(description="When it becomes valid, in UTC.")
    not_after: datetime | None = Field(description="When it expires, in UTC.")
    enhanced_key_usages: list[EnhancedKeyUsage] | None = Field(
        description="What it may be used for, at most 100 usages; empty if it names none, and so "
        "allows every use."
    )
    subject_alt_names: list[str] | None = Field(
        description="The DNS names, IP addresses and mail addresses in subjectAltName, at most 100."
    )
    is_in_store: bool | None = Field(
        description="Whether it is in the store; null for certificates that are not looked up, "
        "such as peers', and if the store cannot be read."
    )
    ike_sas: int = Field(ge=1, description="The number of main mode SAs that use it.")
    peers: int = Field(ge=0, description="The number of remote addresses of these SAs.")


class CertificatePage(Shape):
    """A page of certificates, in ascending order of their thumbprints.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[UsedCertificate]
    next_cursor: str | MISSING = NEXT_CURSOR
    missed: bool = Field(
        description="Whether certificates of peers are missing, because main mode SAs use more "
        "than 20,000 different ones."
    )
    store: StoreState
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because the IKEEXT service is not running.",
    )
    snapshot: Snapshot = Field(description="The main mode SAs in which they were found.")


class CertificateDetail(UsedCertificate):
    """A certificate that main mode SAs use, with the addresses of their peers."""

    peer_addresses: list[IpAddress] = Field(
        description="The remote addresses, at most 100, in ascending order, IPv4 before IPv6."
    )
    store: StoreState
    snapshot: Snapshot = Field(description="The main mode SAs in which it was found.")
