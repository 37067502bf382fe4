"""The certificates that main mode SAs use, found in their JSON.

The credentials of both sides have the thumbprint and the subject of their certificate. Some may
have a hash of another length, which is not a thumbprint, but also identifies the certificate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final, NamedTuple

import orjson

from app.answers.certificates.names import CertificateSide
from app.repository.snapshot.blocks import Span
from app.repository.snapshot.model import Snapshot
from app.resources.wfp.endpoints import remote_of_ends


MAX_CERTIFICATES: Final = 20_000
"""Maximum number of certificates that are kept: some 40 MB."""
MAX_LOCAL: Final = 100
"""Number of certificates of this host that are always kept; a host has few."""
MAX_HASH_BYTES: Final = 64
"""The size of the longest hash that identifies a certificate: that of SHA-512."""
MAX_PEERS: Final = 100
"""Maximum number of peers' addresses that are listed for a certificate."""

_CREDENTIAL: Final = b'Credentials":{'
"""The beginning of a credential, after the last letter of its side: `local` or `peer`."""
_SIDES: Final = {ord("l"): CertificateSide.LOCAL, ord("r"): CertificateSide.PEER}
_PROOF: Final = b'"certificate":{'
_CERTIFICATE: Final = re.compile(
    _PROOF + rb'"subjectName":(?P<subject>null|"(?:[^"\\]|\\.)*"),"certHash":"(?P<hash>[0-9a-f]+)"'
)
"""A certificate in a credential. Quotes inside JSON strings are escaped."""


class Use(NamedTuple):
    """How main mode SAs use one certificate.

    Attributes:
        subject: its subject, in RFC 4514 form; None if it cannot be decoded.
        sides: whose certificate it is.
        ike_sas: the number of main mode SAs.
        peers: the number of remote addresses of these.
        first_peers: the first `MAX_PEERS` of these addresses, packed, IPv4 before IPv6.
    """

    subject: str | None
    sides: frozenset[CertificateSide]
    ike_sas: int
    peers: int
    first_peers: tuple[bytes, ...]


@dataclass(slots=True)
class _Counted:
    """A certificate while its uses are counted; the members are those of `Use`."""

    subject: str | None
    sides: set[CertificateSide] = field(default_factory=set)
    ike_sas: int = 0
    peers: set[bytes] = field(default_factory=set)

    def use(self) -> Use:
        first = tuple(nsmallest(MAX_PEERS, self.peers, key=_address_order))
        return Use(self.subject, frozenset(self.sides), self.ike_sas, len(self.peers), first)


class Uses(NamedTuple):
    """The certificates that main mode SAs use.

    Attributes:
        by_hash: by hash, in ascending order.
        hashes: all hashes, in ascending order.
        by_side: the hashes of each side's certificates, in ascending order.
        is_complete: whether these are all.
    """

    by_hash: dict[bytes, Use]
    hashes: list[bytes]
    by_side: dict[CertificateSide, list[bytes]]
    is_complete: bool


def count(snapshot: Snapshot) -> Uses:
    """Find the certificates in a snapshot of main mode SAs. May run in any thread."""
    found: dict[bytes, _Counted] = {}
    local: set[bytes] = set()
    is_complete = True
    for position, key in enumerate(snapshot.index_keys):
        remote, seen = remote_of_ends(key), set[bytes]()
        for side, match in _certificates(snapshot.blocks.span(position)):
            hash_ = match["hash"]
            if len(hash_) > 2 * MAX_HASH_BYTES:
                continue
            if side is CertificateSide.LOCAL and len(local) < MAX_LOCAL:
                local.add(hash_)
            use = found.get(hash_)
            if use is None:
                if len(found) >= MAX_CERTIFICATES and hash_ not in local:
                    is_complete = False
                    continue
                use = found[hash_] = _Counted(orjson.loads(match["subject"]))
            use.sides.add(side)
            if hash_ not in seen:
                seen.add(hash_)
                use.ike_sas += 1
                if remote:
                    use.peers.add(remote)
    ordered = {bytes.fromhex(hash_.decode()): found[hash_].use() for hash_ in sorted(found)}
    by_side = {
        side: [hash_ for hash_, use in ordered.items() if side in use.sides]
        for side in CertificateSide
    }
    return Uses(ordered, [*ordered], by_side, is_complete)


def _certificates(span: Span) -> Iterator[tuple[CertificateSide, re.Match[bytes]]]:
    """Yield the certificates in a main mode SA, each with its side."""
    block, start, end = span
    at = block.find(_PROOF, start, end)  # five times as fast as a regular expression
    while at >= 0:
        match = _CERTIFICATE.match(block, at, end)
        if match is not None:
            yield _SIDES[block[block.rfind(_CREDENTIAL, start, at) - 1]], match
        at = block.find(_PROOF, at + 1, end)


def _address_order(packed: bytes) -> tuple[int, bytes]:
    return len(packed), packed
