"""Stand-ins for values that identify a host in a capture.

If the capture includes the doctor's report, equal values have equal stand-ins there.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from cryptography.x509 import Name, NameAttribute
from cryptography.x509.oid import NameOID

from app.doctor.masking import Mask


SID_PARTS_KEPT: Final = 4
"""Leading parts that are kept: `S`, the revision, the authority and the first sub-authority."""
WELL_KNOWN_SID_PARTS: Final = 5
"""Maximum number of parts of the SIDs that all hosts share, such as S-1-5-18 and S-1-5-32-544."""


class MaskedStandIns:
    """Implements `bindings.capture.mask.StandIns` with the mask of a report."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def ipv4(self, packed: bytes) -> bytes:
        """Return the masked address; see `Mask.address`."""
        return self._mask.address(IPv4Address(packed)).packed

    def ipv6(self, packed: bytes) -> bytes:
        """Return the masked address; an IPv4-mapped address stays IPv4-mapped."""
        address = IPv6Address(packed)
        if address.ipv4_mapped is not None:
            return packed[:12] + self.ipv4(packed[12:])
        return self._mask.address(address).packed

    def name(self, text: str) -> str:
        """Return a numbered name, the same for texts that differ only in case."""
        return self._mask.name(text)

    def sid(self, text: str) -> str:
        """Return a SID with other sub-authorities; SIDs of one domain still share a domain.

        SIDs that all hosts share are unchanged.
        """
        parts = text.split("-")
        if len(parts) <= WELL_KNOWN_SID_PARTS:
            return text
        for index in range(SID_PARTS_KEPT, len(parts)):
            preceding = "-".join(text.split("-")[: index + 1]).encode()
            parts[index] = str(int.from_bytes(self._mask.digest(preceding, 4), "big"))
        return "-".join(parts)

    def subject(self, der: bytes) -> bytes:
        """Return a distinguished name in DER that consists of one numbered common name."""
        name = self._mask.name(der.hex())
        return Name([NameAttribute(NameOID.COMMON_NAME, name)]).public_bytes()

    def content(self, raw: bytes) -> bytes:
        """Return other bytes of the same length; zeros, which mean no content, stay zeros."""
        return self._mask.digest(raw, len(raw)) if any(raw) else raw
