"""Stand-ins for what identifies a host in a capture, equal to those in the report within it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from cryptography.x509 import Name, NameAttribute
from cryptography.x509.oid import NameOID

from app.doctor.masking import Mask


SID_PARTS_KEPT: Final = 4
"""`S`, the revision, the authority and the first sub-authority, which are the same everywhere."""
WELL_KNOWN_SID_PARTS: Final = 5
"""Parts of the SIDs that are the same on all hosts, such as S-1-5-18 and S-1-5-32-544."""


class MaskedStandIns:
    """The stand-ins that a report's mask gives (`bindings.capture.mask.StandIns`)."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def ipv4(self, packed: bytes) -> bytes:
        """Return another address; two results share as many leading bits as their originals."""
        return self._mask.address(IPv4Address(packed)).packed

    def ipv6(self, packed: bytes) -> bytes:
        """Return another address, as for IPv4; an IPv4-mapped one stays mapped."""
        address = IPv6Address(packed)
        if address.ipv4_mapped is not None:
            return packed[:12] + self.ipv4(packed[12:])
        return self._mask.address(address).packed

    def name(self, text: str) -> str:
        """Return a numbered name; texts that differ only in case have the same one."""
        return self._mask.name(text)

    def sid(self, text: str) -> str:
        """Return a SID with other sub-authorities; those of one domain stay in one domain."""
        parts = text.split("-")
        if len(parts) <= WELL_KNOWN_SID_PARTS:
            return text
        for index in range(SID_PARTS_KEPT, len(parts)):
            preceding = "-".join(text.split("-")[: index + 1]).encode()
            parts[index] = str(int.from_bytes(self._mask.digest(preceding, 4), "big"))
        return "-".join(parts)

    def subject(self, der: bytes) -> bytes:
        """Return a distinguished name of one numbered common name, in DER."""
        name = self._mask.name(der.hex())
        return Name([NameAttribute(NameOID.COMMON_NAME, name)]).public_bytes()

    def content(self, raw: bytes) -> bytes:
        """Return other bytes; zeros, which mean that there is nothing, are kept."""
        return self._mask.digest(raw, len(raw)) if any(raw) else raw
