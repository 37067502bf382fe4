"""The protection of one direction of an SA context as a line of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def protection_of(sa_list: Sequence[Mapping[str, Any]]) -> str:
    """Return the transforms of a bundle's SAs as text, separated by semicolons.

    Examples are `ESP gcm_aes_256`, `ESP cbc_aes_128 + hmac_sha_1_96` and `AH hmac_sha_256_128`.
    `ESP gcm_aes_128, integrity only` is AES-GMAC, for which WFP uses the name of GCM.

    Args:
        sa_list: `saBundle.saList` of an `SaContext` object.
    """
    return "; ".join(_words_of(sa["transform"]) for sa in sa_list)


def _words_of(transform: Mapping[str, Any]) -> str:
    auth = _algorithm(transform, "authTransform", "authConfig")
    cipher = _algorithm(transform, "cipherTransform", "cipherConfig")
    match transform["transformType"]:
        case "ah":
            return f"AH {auth}"
        case "esp_auth":
            return f"ESP {auth}, integrity only"
        case "esp_auth_fw":
            # A connection's first packet is sent both with and without ESP; later packets are
            # sent without ESP ([MS-AIPS], 3.10.4.1).
            return f"ESP {auth}, first packet only"
        case "esp_cipher" if cipher.startswith("cbc_"):
            return f"ESP {cipher}, encryption only"
        case "esp_cipher":  # GCM, which also authenticates, or an unknown cipher
            return f"ESP {cipher}"
        case "esp_auth_and_cipher" if auth == cipher and cipher.startswith("gcm_"):
            return f"ESP {cipher}"
        case "esp_auth_and_cipher":
            return f"ESP {cipher} + {auth}"
        case _:
            return named(transform, "transformType")


def _algorithm(transform: Mapping[str, Any], part: str, config: str) -> str:
    """Return the name of an algorithm; `unknown` if the engine does not report it."""
    algorithm = transform.get(part)
    return "unknown" if algorithm is None else named(algorithm, config)


def named(members: Mapping[str, Any], name: str) -> str:
    """Return the value of an enumeration; if it has no name, with its number: `unknown (9)`.

    Return an empty text for null.
    """
    value, raw = members[name] or "", members.get(f"{name}Raw")
    return f"{value}" if raw is None else f"{value} ({raw})"
