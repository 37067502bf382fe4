"""The certificates at one time: how main mode SAs use them, and their fields in the store."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import islice
from typing import Any, Final

from app.answers.certificates.decoding import Decoded
from app.answers.certificates.names import KEY_USAGES, CertificateSide, KeyUsage, StoreState
from app.answers.certificates.store import StoreContents
from app.answers.certificates.usage import Uses
from app.repository.snapshot.model import Snapshot
from bindings.certificates import THUMBPRINT_BYTES


_LOCAL: Final = frozenset({CertificateSide.LOCAL})


@dataclass(frozen=True, slots=True)
class CertificateSelection:
    """Filters on certificates; a certificate must meet all of them.

    Attributes:
        sides: only certificates of one of these sides; of both if empty.
        expires_before: only certificates known to expire before this time; None: no such filter.
    """

    sides: frozenset[CertificateSide] = frozenset()
    expires_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """All certificates that the main mode SAs of a snapshot use.

    Attributes:
        snapshot: the main mode SAs.
        uses: how they use certificates.
        contents: the certificates in the store.
        looked_up: the thumbprints that were looked up in the store.
    """

    snapshot: Snapshot
    uses: Uses
    contents: StoreContents
    looked_up: frozenset[bytes]

    def select(
        self, selection: CertificateSelection, after: bytes | None = None
    ) -> Iterator[bytes]:
        """Iterate over the hashes of the selected certificates, in ascending order.

        Args:
            selection: the filters.
            after: only hashes above this one; None: all.
        """
        hashes = self._candidates(selection)
        start = 0 if after is None else bisect_right(hashes, after)
        return islice(hashes, start, None)

    def decoded(self, hash_: bytes) -> Decoded | None:
        """Return the certificate's fields in the store; None if they are unknown."""
        return self.contents.certificates.get(hash_)

    def shown(self, hash_: bytes) -> dict[str, Any]:
        """Return a certificate as a `UsedCertificate` object."""
        use, known = self.uses.by_hash[hash_], self.decoded(hash_)
        return {
            "thumbprint": hash_.hex(),
            "sides": [side for side in CertificateSide if side in use.sides],
            "subject": (known and known.subject) or use.subject,
            "issuer": None if known is None else known.issuer,
            "serialNumber": None if known is None else known.serial_number,
            "notBefore": None if known is None else known.not_before,
            "notAfter": None if known is None else known.not_after,
            "enhancedKeyUsages": None
            if known is None or known.usages is None
            else [_usage(identifier) for identifier in known.usages],
            "subjectAltNames": None if known is None else known.names,
            "isInStore": self._is_in_store(hash_),
            "ikeSas": use.ike_sas,
            "peers": use.peers,
        }

    def shown_in_detail(self, hash_: bytes) -> dict[str, Any]:
        """Return a certificate as a `CertificateDetail` object, without its snapshot."""
        addresses = map(ip_address, self.uses.by_hash[hash_].first_peers)
        return {
            **self.shown(hash_),
            "peerAddresses": [str(address) for address in addresses],
            "store": self.contents.state,
        }

    def local(self) -> list[tuple[bytes, Decoded]]:
        """Return this host's certificates whose fields are known, in order of expiry."""
        known = [
            (hash_, decoded)
            for hash_, decoded in self.contents.certificates.items()
            if decoded is not None and self._is_of(hash_, _LOCAL)
        ]
        return sorted(known, key=lambda each: (each[1].not_after, each[0]))

    def _candidates(self, selection: CertificateSelection) -> list[bytes]:
        """Return the hashes of the selected certificates; the expiry of only a few is known."""
        sides, before = selection.sides, selection.expires_before
        if before is not None:
            return sorted(
                hash_
                for hash_, decoded in self.contents.certificates.items()
                if decoded is not None and decoded.not_after < before
                if self._is_of(hash_, sides or frozenset(CertificateSide))
            )
        if len(sides) == 1:
            return self.uses.by_side[next(iter(sides))]
        return self.uses.hashes

    def _is_of(self, hash_: bytes, sides: frozenset[CertificateSide]) -> bool:
        """Return whether one of these sides still uses a certificate that was looked up."""
        use = self.uses.by_hash.get(hash_)
        return use is not None and not sides.isdisjoint(use.sides)

    def _is_in_store(self, hash_: bytes) -> bool | None:
        is_known = self.contents.state is StoreState.READABLE and hash_ in self.looked_up
        return hash_ in self.contents.certificates if is_known else None


def thumbprints_to_look_up(uses: Uses, maximum: int) -> frozenset[bytes]:
    """Return the first thumbprints of this host's certificates, without hashes of other lengths."""
    local = uses.by_side[CertificateSide.LOCAL]
    thumbprints = (hash_ for hash_ in local if len(hash_) == THUMBPRINT_BYTES)
    return frozenset(islice(thumbprints, maximum))


def end_of(period: timedelta, now: datetime) -> datetime:
    """Return the end of a period from now, or the last time that `datetime` has."""
    try:
        return now + period
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)


def _usage(identifier: str) -> dict[str, str]:
    return {"usage": KEY_USAGES.get(identifier, KeyUsage.UNKNOWN), "oid": identifier}
