"""The weaknesses of a bundle (NIST SP 800-77r1), the naive way: one `if` after another."""

from __future__ import annotations

from typing import Any

from app.schemas.names import Weakness
from benchmarks.naive_filter import guid
from bindings.enums import AuthType, CipherConfig, CipherType, PfsGroup, TransformType
from bindings.well_known import KEYING_MODULES


LONGEST_LIFETIME_SECONDS = 28_800
FIRST_GCM = CipherConfig.GCM_AES_128
"""This configuration and all with higher numbers also authenticate what they encrypt."""


def weaknesses_of(bundle: Any) -> list[Weakness]:
    """Return the weaknesses of an IPSEC_SA_BUNDLE1 according to the default baseline."""
    sas = [bundle.saList[index] for index in range(bundle.numSAs)]
    found = _of_algorithms(sas)
    if sas:
        found += _of_combination(sas)
    if bundle.pfsGroup == PfsGroup.NONE:
        found.append(Weakness.NO_PFS)
    if bundle.pfsGroup == PfsGroup.GROUP_1:
        found.append(Weakness.PFS_GROUP_1)
    if bundle.pfsGroup == PfsGroup.GROUP_2:
        found.append(Weakness.PFS_GROUP_2)
    if bundle.pfsGroup == PfsGroup.GROUP_24:
        found.append(Weakness.PFS_GROUP_24)
    if not 0 < bundle.lifetime.lifetimeSeconds <= LONGEST_LIFETIME_SECONDS:
        found.append(Weakness.LONG_LIFETIME)
    state = bundle.keyModuleState
    if state and KEYING_MODULES.get(guid(state.keyModuleKey)) == "ike":
        found.append(Weakness.IKEV1)
    return found


def _of_algorithms(sas: list[Any]) -> list[Weakness]:
    found = []
    ciphers = [cipher for cipher in map(_cipher, sas) if cipher]
    auths = [auth for auth in map(_auth, sas) if auth]
    if any(cipher.cipherType == CipherType.DES for cipher in ciphers):
        found.append(Weakness.DES)
    if any(cipher.cipherType == CipherType.TRIPLE_DES for cipher in ciphers):
        found.append(Weakness.TRIPLE_DES)
    if any(auth.authType == AuthType.MD5 for auth in auths):
        found.append(Weakness.MD5)
    if any(auth.authType == AuthType.SHA_1 for auth in auths):
        found.append(Weakness.SHA_1)
    return found


def _of_combination(sas: list[Any]) -> list[Weakness]:
    found = []
    types = [sa.saTransformType for sa in sas]
    not_encrypting = (TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW)
    if all(type_ in not_encrypting for type_ in types):
        found.append(Weakness.NO_ENCRYPTION)
    if all(sa.saTransformType == TransformType.ESP_AUTH_FW or _only_encrypts(sa) for sa in sas):
        found.append(Weakness.NO_INTEGRITY)
    if TransformType.AH in types:
        found.append(Weakness.AH)
        if any(map(_only_encrypts, sas)):
            found.append(Weakness.INTEGRITY_FROM_AH)
    return found


def _cipher(sa: Any) -> Any:
    """Return the IPSEC_CIPHER_TRANSFORM_ID0 of an SA; None if it has none."""
    if sa.saTransformType == TransformType.ESP_CIPHER and sa.espCipherInformation:
        return sa.espCipherInformation.cipherTransform.cipherTransformId
    if sa.saTransformType == TransformType.ESP_AUTH_AND_CIPHER and sa.espAuthAndCipherInformation:
        both = sa.espAuthAndCipherInformation
        return both.saCipherInformation.cipherTransform.cipherTransformId
    return None


def _auth(sa: Any) -> Any:
    """Return the IPSEC_AUTH_TRANSFORM_ID0 of an SA; None if it has none."""
    if sa.saTransformType == TransformType.ESP_AUTH_AND_CIPHER and sa.espAuthAndCipherInformation:
        return sa.espAuthAndCipherInformation.saAuthInformation.authTransform.authTransformId
    if (
        sa.saTransformType in (TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW)
        and sa.ahInformation
    ):
        return sa.ahInformation.authTransform.authTransformId
    return None


def _only_encrypts(sa: Any) -> bool:
    if sa.saTransformType != TransformType.ESP_CIPHER or not sa.espCipherInformation:
        return False
    return 0 < int(_cipher(sa).cipherConfig) < FIRST_GCM
