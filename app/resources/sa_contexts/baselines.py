"""What published advice says against the protection of SAs, and where it says so.

Where a document leaves room, `docs/weaknesses.md` says how it was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from app.schemas.names import Baseline, Weakness


class Source(NamedTuple):
    """A place in a document."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


class Advice(NamedTuple):
    """A baseline: what it calls weak, as far as an SA can show it.

    Attributes:
        title: of the document.
        url: where it is published.
        against: what it speaks against, each with the places where it does.
        longest_lifetime_seconds: the longest lifetime it recommends; None where it sets none.
    """

    title: str
    url: str
    against: Mapping[Weakness, tuple[Source, ...]]
    longest_lifetime_seconds: int | None


def _said(document: str, *sections: str) -> tuple[Source, ...]:
    return tuple(Source(document, section) for section in sections)


_SP_800_77R1: Final = "SP 800-77r1"
_TABLE_1: Final = "table 1"

_NIST_SP_800_77R1: Final = Advice(
    title="NIST Special Publication 800-77 Revision 1, Guide to IPsec VPNs (June 2020)",
    url="https://doi.org/10.6028/NIST.SP.800-77r1",
    against=MappingProxyType(
        {
            # Not named anywhere: the table's list of ciphers is AES, and only that.
            Weakness.DES: _said(_SP_800_77R1, _TABLE_1),
            Weakness.TRIPLE_DES: _said(_SP_800_77R1, _TABLE_1, "3.9", "4.1.4"),
            Weakness.MD5: _said(_SP_800_77R1, "4.1.4", "7.2.3"),
            Weakness.SHA_1: _said(_SP_800_77R1, _TABLE_1, "3.9", "4.1.4", "7.2.3"),
            Weakness.NO_ENCRYPTION: _said(_SP_800_77R1, "2.2"),
            Weakness.NO_INTEGRITY: _said(_SP_800_77R1, _TABLE_1, "4.1"),
            Weakness.AH: _said(_SP_800_77R1, _TABLE_1, "4.4", "4.5"),
            Weakness.INTEGRITY_FROM_AH: _said(_SP_800_77R1, "4.4"),
            Weakness.NO_PFS: _said(_SP_800_77R1, _TABLE_1, "2.2", "7.2.6"),
            Weakness.PFS_GROUP_1: _said(_SP_800_77R1, "7.2.4.2"),
            Weakness.PFS_GROUP_2: _said(_SP_800_77R1, "3.9", "7.2.4.2"),
            # Not named: the approved groups are listed, 14 to 21, and it is not among them.
            Weakness.PFS_GROUP_24: _said(_SP_800_77R1, _TABLE_1, "7.2.6"),
            Weakness.LONG_LIFETIME: _said(_SP_800_77R1, _TABLE_1, "7.2.6"),
            Weakness.IKEV1: _said(_SP_800_77R1, _TABLE_1, "3.11", "7.2.6"),
        }
    ),
    longest_lifetime_seconds=8 * 60 * 60,
)

_RFC_8221: Final = Advice(
    title="RFC 8221, Cryptographic Algorithm Implementation Requirements and Usage Guidance for "
    "ESP and AH (October 2017), as updated by RFC 9395 (April 2023); for the groups, which it "
    "leaves to IKE, its companion RFC 8247 (September 2017)",
    url="https://www.rfc-editor.org/info/rfc8221",
    against=MappingProxyType(
        {
            Weakness.DES: _said("RFC 8221", "5"),
            Weakness.TRIPLE_DES: _said("RFC 8221", "5"),
            Weakness.MD5: _said("RFC 8221", "6"),
            Weakness.NO_INTEGRITY: _said("RFC 8221", "4", "6"),
            Weakness.INTEGRITY_FROM_AH: _said("RFC 8221", "4"),
            Weakness.PFS_GROUP_1: _said("RFC 8247", "2.4"),
            Weakness.PFS_GROUP_2: _said("RFC 8247", "2.4"),
            Weakness.PFS_GROUP_24: _said("RFC 8247", "2.4"),
            Weakness.IKEV1: _said("RFC 9395", "1"),
        }
    ),
    longest_lifetime_seconds=None,
)

BASELINES: Final[Mapping[Baseline, Advice]] = MappingProxyType(
    {Baseline.NIST_SP_800_77R1: _NIST_SP_800_77R1, Baseline.RFC_8221: _RFC_8221}
)
