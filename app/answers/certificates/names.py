"""The names of values that describe certificates."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CertificateSide(StrEnum):
    """The side that authenticates with a certificate: this host or a peer."""

    LOCAL = "local"
    PEER = "peer"


class StoreState(StrEnum):
    r"""Whether the server can read the certificates in the store `LocalMachine\My`.

    `readable`: yes. `unreadable`: the last read failed; the server's log says why. `none`: the
    system has no such store.
    """

    READABLE = "readable"
    UNREADABLE = "unreadable"
    NONE = "none"


class KeyUsage(StrEnum):
    """An enhanced key usage: what a certificate may be used for."""

    ANY = "any"
    SERVER_AUTH = "server_auth"
    CLIENT_AUTH = "client_auth"
    IPSEC_IKE_INTERMEDIATE = "ipsec_ike_intermediate"
    IPSEC_IKE = "ipsec_ike"
    IPSEC_END_SYSTEM = "ipsec_end_system"
    IPSEC_TUNNEL = "ipsec_tunnel"
    IPSEC_USER = "ipsec_user"
    SMART_CARD_LOGON = "smart_card_logon"
    KDC_AUTH = "kdc_auth"
    UNKNOWN = "unknown"


KEY_USAGES: Final = MappingProxyType(
    {
        "2.5.29.37.0": KeyUsage.ANY,
        "1.3.6.1.5.5.7.3.1": KeyUsage.SERVER_AUTH,
        "1.3.6.1.5.5.7.3.2": KeyUsage.CLIENT_AUTH,
        "1.3.6.1.5.5.8.2.2": KeyUsage.IPSEC_IKE_INTERMEDIATE,
        "1.3.6.1.5.5.7.3.17": KeyUsage.IPSEC_IKE,
        "1.3.6.1.5.5.7.3.5": KeyUsage.IPSEC_END_SYSTEM,
        "1.3.6.1.5.5.7.3.6": KeyUsage.IPSEC_TUNNEL,
        "1.3.6.1.5.5.7.3.7": KeyUsage.IPSEC_USER,
        "1.3.6.1.4.1.311.20.2.2": KeyUsage.SMART_CARD_LOGON,
        "1.3.6.1.5.2.3.5": KeyUsage.KDC_AUTH,
    }
)
"""By object identifier (wincrypt.h, szOID_…; RFC 5280, 4.2.1.12; RFC 4945, 5.1.3.12)."""
