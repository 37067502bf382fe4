"""Baselines: published documents that advise against weak protections, and their sections.

`docs/weaknesses.md` explains how ambiguous passages are interpreted.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from app.schemas.names import Baseline, IkeWeakness, Weakness


class Source(NamedTuple):
    """A section of a document."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


class Advice(NamedTuple):
    """The advice of one baseline, as far as it concerns what SA contexts and main mode SAs show.

    Attributes:
        title: title of the document.
        url: URL of the document.
        against: for each weakness, the sections that advise against it.
        longest_lifetime_seconds: longest recommended lifetime; None if the document recommends
            none.
        against_ike: the same as `against`, for main mode SAs.
        longest_ike_lifetime_seconds: the same as `longest_lifetime_seconds`, for main mode SAs.
    """

    title: str
    url: str
    against: Mapping[Weakness, tuple[Source, ...]]
    longest_lifetime_seconds: int | None
    against_ike: Mapping[IkeWeakness, tuple[Source, ...]]
    longest_ike_lifetime_seconds: int | None


def _sources(document: str, *sections: str) -> tuple[Source, ...]:
    return tuple(Source(document, section) for section in sections)


_SP_800_77R1: Final = "SP 800-77r1"
_TABLE_1: Final = "table 1"

_NIST_SP_800_77R1: Final = Advice(
    title="NIST Special Publication 800-77 Revision 1, Guide to IPsec VPNs (June 2020)",
    url="https://doi.org/10.6028/NIST.SP.800-77r1",
    against=MappingProxyType(
        {
            # The document does not name DES. Its table lists only AES for packets.
            Weakness.DES: _sources(_SP_800_77R1, _TABLE_1),
            Weakness.TRIPLE_DES: _sources(_SP_800_77R1, _TABLE_1, "3.9", "4.1.4"),
            Weakness.MD5: _sources(_SP_800_77R1, _TABLE_1, "3.9", "4.1.4", "7.2.3"),
            Weakness.SHA_1: _sources(_SP_800_77R1, _TABLE_1, "3.9", "4.1.4", "7.2.3"),
            Weakness.NO_ENCRYPTION: _sources(_SP_800_77R1, "2.2"),
            Weakness.NO_INTEGRITY: _sources(_SP_800_77R1, _TABLE_1, "4.1"),
            Weakness.AH: _sources(_SP_800_77R1, _TABLE_1, "4.4", "4.5"),
            Weakness.INTEGRITY_FROM_AH: _sources(_SP_800_77R1, "4.4"),
            Weakness.NO_PFS: _sources(_SP_800_77R1, _TABLE_1, "2.2", "7.2.6"),
            Weakness.PFS_GROUP_1: _sources(_SP_800_77R1, _TABLE_1, "7.2.4.2", "7.2.6"),
            Weakness.PFS_GROUP_2: _sources(_SP_800_77R1, _TABLE_1, "3.9", "7.2.4.2", "7.2.6"),
            # The document does not name group 24. It approves groups 14 to 21.
            Weakness.PFS_GROUP_24: _sources(_SP_800_77R1, _TABLE_1, "7.2.6"),
            Weakness.LONG_LIFETIME: _sources(_SP_800_77R1, _TABLE_1, "7.2.6"),
            Weakness.IKEV1: _sources(_SP_800_77R1, _TABLE_1, "3.9", "3.11", "7.2.6"),
        }
    ),
    longest_lifetime_seconds=8 * 60 * 60,
    against_ike=MappingProxyType(
        {
            # The document does not name DES. For IKE, its table recommends AES, and lists 3DES and
            # HMAC-SHA-1 as legacy.
            IkeWeakness.DES: _sources(_SP_800_77R1, _TABLE_1),
            IkeWeakness.TRIPLE_DES: _sources(_SP_800_77R1, _TABLE_1, "3.9"),
            IkeWeakness.MD5: _sources(_SP_800_77R1, _TABLE_1, "3.9", "7.2.3"),
            IkeWeakness.SHA_1: _sources(_SP_800_77R1, _TABLE_1, "3.9", "7.2.3"),
            # The document approves groups 14 to 21, and names neither AuthIP nor group 24.
            IkeWeakness.NO_DH_GROUP: _sources(_SP_800_77R1, _TABLE_1),
            IkeWeakness.DH_GROUP_1: _sources(_SP_800_77R1, _TABLE_1, "7.2.4.2", "7.2.6"),
            IkeWeakness.DH_GROUP_2: _sources(_SP_800_77R1, _TABLE_1, "3.9", "7.2.4.2", "7.2.6"),
            IkeWeakness.DH_GROUP_24: _sources(_SP_800_77R1, _TABLE_1, "7.2.6"),
            # The table lists only digital signatures.
            IkeWeakness.PRESHARED_KEY: _sources(
                _SP_800_77R1, _TABLE_1, "2.3.4", "7.2.2", "7.2.2.1"
            ),
            IkeWeakness.LONG_LIFETIME: _sources(_SP_800_77R1, _TABLE_1, "7.2.6"),
            IkeWeakness.IKEV1: _sources(_SP_800_77R1, _TABLE_1, "3.9", "3.11", "7.2.6"),
        }
    ),
    longest_ike_lifetime_seconds=24 * 60 * 60,
)

_RFC_8221: Final = Advice(
    title="RFC 8221, Cryptographic Algorithm Implementation Requirements and Usage Guidance for "
    "ESP and AH (October 2017), as updated by RFC 9395 (April 2023); for groups and main mode, "
    "which it leaves to IKE, its companion RFC 8247 (September 2017)",
    url="https://www.rfc-editor.org/info/rfc8221",
    against=MappingProxyType(
        {
            Weakness.DES: _sources("RFC 8221", "5"),
            Weakness.TRIPLE_DES: _sources("RFC 8221", "5"),
            Weakness.MD5: _sources("RFC 8221", "6"),
            Weakness.NO_INTEGRITY: _sources("RFC 8221", "4", "6"),
            Weakness.INTEGRITY_FROM_AH: _sources("RFC 8221", "4", "6"),
            Weakness.PFS_GROUP_1: _sources("RFC 8247", "2.4"),
            Weakness.PFS_GROUP_2: _sources("RFC 8247", "2.4"),
            Weakness.PFS_GROUP_24: _sources("RFC 8247", "2.4"),
            Weakness.IKEV1: _sources("RFC 9395", "1"),
        }
    ),
    longest_lifetime_seconds=None,
    against_ike=MappingProxyType(
        {
            IkeWeakness.DES: _sources("RFC 8247", "2.1"),
            IkeWeakness.MD5: _sources("RFC 8247", "2.2", "2.3"),
            IkeWeakness.DH_GROUP_1: _sources("RFC 8247", "2.4"),
            IkeWeakness.DH_GROUP_2: _sources("RFC 8247", "2.4"),
            IkeWeakness.DH_GROUP_24: _sources("RFC 8247", "2.4"),
            IkeWeakness.IKEV1: _sources("RFC 9395", "1"),
        }
    ),
    longest_ike_lifetime_seconds=None,
)

BASELINES: Final[Mapping[Baseline, Advice]] = MappingProxyType(
    {Baseline.NIST_SP_800_77R1: _NIST_SP_800_77R1, Baseline.RFC_8221: _RFC_8221}
)
