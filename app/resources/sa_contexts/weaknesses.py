"""Weaknesses in the protection of one direction, judged against a baseline.

The SA bundle determines which weaknesses are found. The baseline
(`app.resources.wfp.baselines`) sets the longest lifetime, and determines which of the
weaknesses are reported. An unknown value is never a weakness, and a weakness that an unknown
value might disprove is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from app.resources.wfp.baselines import BASELINES
from app.schemas.names import Baseline, Weakness
from bindings.enums import (
    AuthConfig,
    AuthType,
    CipherConfig,
    CipherType,
    PfsGroup,
    TransformType,
)
from bindings.records import AuthTransform, CipherTransform, SaBundle
from bindings.well_known import KEYING_MODULES


Protection = tuple[int, AuthTransform | None, CipherTransform | None]
"""The type of an SA's transform, the authentication transform and the cipher transform."""

_CIPHER_TYPE: Final[dict[int, Weakness]] = {
    CipherType.DES: Weakness.DES,
    CipherType.TRIPLE_DES: Weakness.TRIPLE_DES,
}
_CIPHER_CONFIG: Final[dict[int, Weakness]] = {
    CipherConfig.CBC_DES: Weakness.DES,
    CipherConfig.CBC_3DES: Weakness.TRIPLE_DES,
}
_AUTH_TYPE: Final[dict[int, Weakness]] = {
    AuthType.MD5: Weakness.MD5,
    AuthType.SHA_1: Weakness.SHA_1,
}
_AUTH_CONFIG: Final[dict[int, Weakness]] = {
    AuthConfig.HMAC_MD5_96: Weakness.MD5,
    AuthConfig.HMAC_SHA_1_96: Weakness.SHA_1,
}
# PfsGroup.MM is missing: it means the group of main mode, which an SA context does not contain.
_PFS_GROUP: Final[dict[int, Weakness]] = {
    PfsGroup.NONE: Weakness.NO_PFS,
    PfsGroup.GROUP_1: Weakness.PFS_GROUP_1,
    PfsGroup.GROUP_2: Weakness.PFS_GROUP_2,
    PfsGroup.GROUP_24: Weakness.PFS_GROUP_24,
}
# After the first packet, traffic is neither encrypted nor authenticated (IPSEC_TRANSFORM_TYPE,
# ipsectypes.h).
_CLEAR_TEXT: Final = frozenset((TransformType.ESP_AUTH_FW,))
_NOT_ENCRYPTING: Final = frozenset((TransformType.AH, TransformType.ESP_AUTH)) | _CLEAR_TEXT
# These ciphers do not authenticate. All other known configurations are GCM, which does.
_CBC: Final = frozenset(
    (
        CipherConfig.CBC_DES,
        CipherConfig.CBC_3DES,
        CipherConfig.CBC_AES_128,
        CipherConfig.CBC_AES_192,
        CipherConfig.CBC_AES_256,
    )
)
_IKEV1: Final = frozenset(key for key, name in KEYING_MODULES.items() if name == "ike")


def weaknesses_of(
    bundle: SaBundle, baseline: Baseline = Baseline.NIST_SP_800_77R1
) -> tuple[str, ...]:
    """Return the weaknesses of a bundle, as values of `Weakness` in the order of its members.

    The SAs of a bundle are judged together, because one SA may authenticate what another
    encrypts.
    """
    return _judged(
        baseline,
        bundle.pfs_group,
        bundle.lifetime.seconds,
        bundle.key_module_key,
        tuple([sa[1:] for sa in bundle.sa_list]),
    )


@lru_cache(maxsize=4096)
def _judged(
    baseline: Baseline,
    pfs_group: int,
    lifetime_seconds: int,
    key_module_key: str | None,
    protections: tuple[Protection, ...],
) -> tuple[str, ...]:
    """Judge these fields of a bundle. Cached, because a host has few combinations of them."""
    advice = BASELINES[baseline]
    found = {*_of_algorithms(protections), *_of_combination(protections)}
    if pfs_group in _PFS_GROUP:
        found.add(_PFS_GROUP[pfs_group])
    if key_module_key in _IKEV1:
        found.add(Weakness.IKEV1)
    longest = advice.longest_lifetime_seconds
    # 0 is a weakness, too: it means no limit (IPSEC_SA_BUNDLE1, ipsectypes.idl).
    if longest is not None and not 0 < lifetime_seconds <= longest:
        found.add(Weakness.LONG_LIFETIME)
    return tuple(w.value for w in Weakness if w in found and w in advice.against)


def _of_algorithms(protections: tuple[Protection, ...]) -> Iterator[Weakness]:
    """Yield the weaknesses of the individual algorithms, possibly repeated."""
    for _, auth, cipher in protections:
        if cipher is not None:
            if cipher.cipher_type in _CIPHER_TYPE:
                yield _CIPHER_TYPE[cipher.cipher_type]
            if cipher.cipher_config in _CIPHER_CONFIG:
                yield _CIPHER_CONFIG[cipher.cipher_config]
        if auth is not None:
            if auth.auth_type in _AUTH_TYPE:
                yield _AUTH_TYPE[auth.auth_type]
            if auth.auth_config in _AUTH_CONFIG:
                yield _AUTH_CONFIG[auth.auth_config]


def _of_combination(protections: tuple[Protection, ...]) -> Iterator[Weakness]:
    """Yield the weaknesses of a bundle's SAs in combination; none if there are no SAs."""
    if not protections:
        return
    types = {type_ for type_, _, _ in protections}
    only_encrypting = [p for p in protections if _only_encrypts(p)]
    if types <= _NOT_ENCRYPTING:
        yield Weakness.NO_ENCRYPTION
    if all(p in only_encrypting or p[0] in _CLEAR_TEXT for p in protections):
        yield Weakness.NO_INTEGRITY
    if TransformType.AH in types:
        yield Weakness.AH
        if only_encrypting:
            yield Weakness.INTEGRITY_FROM_AH


def _only_encrypts(protection: Protection) -> bool:
    """Return whether an SA is known to encrypt packets without authenticating them."""
    type_, _, cipher = protection
    return type_ == TransformType.ESP_CIPHER and cipher is not None and cipher.cipher_config in _CBC
