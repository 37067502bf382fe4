"""Suites: the protection of one direction of a context, in public names.

Lists are filtered by these names, and contexts are counted by them. A host has many SAs but few
suites. Suites are therefore interned and referred to by number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from app.repository.query.interner import Interner
from app.resources.sa_contexts.protection import protection_of
from app.resources.sa_contexts.weaknesses import Protection, weaknesses_of
from app.resources.wfp.names import (
    AUTH_CONFIG,
    CIPHER_CONFIG,
    IP_VERSION,
    PFS_GROUP,
    TRAFFIC_TYPE,
    TRANSFORM_TYPE,
)
from app.schemas.names import Baseline, Cipher, Integrity, KeyModule
from bindings.enums import AUTHENTICATING, ENCRYPTING
from bindings.records import AuthTransform, CipherTransform, SaDetails
from bindings.well_known import KEYING_MODULES


@dataclass(frozen=True, slots=True)
class Suite:
    """A combination of mode, algorithms, keying module and weaknesses.

    Each field contains a value only once, even if several SAs of the bundle have it.

    Attributes:
        cipher: `none` if no SA of the bundle has a cipher.
        integrity: `none` if no SA of the bundle has an authentication algorithm.
        key_module: `unknown` if the engine reports no keying module, or one without a name.
        weakness: weaknesses according to the baseline given to `suite_of`.
        protection: the transforms of all SAs in words (`protection_of`), without raw numbers.
    """

    ip_version: tuple[str]
    traffic_type: tuple[str]
    transform_type: tuple[str, ...]
    cipher: tuple[str, ...]
    integrity: tuple[str, ...]
    pfs_group: tuple[str]
    key_module: tuple[str]
    weakness: tuple[str, ...]
    protection: tuple[str]


SUITES: Final[Interner[Suite]] = Interner()
"""The interned suites. They are few: all numbers without a public name become `unknown`."""

MAX_REMEMBERED: Final = 1 << 16
"""Maximum number of entries in each cache whose keys are suites or their WFP values."""


def suite_of(details: SaDetails, baseline: Baseline) -> int:
    """Return the number of the suite that protects one direction. Thread-safe."""
    bundle = details.sa_bundle
    return _number(
        details.ip_version,
        details.traffic.traffic_type,
        bundle.pfs_group,
        KEYING_MODULES.get(bundle.key_module_key or "", KeyModule.UNKNOWN.value),
        tuple([sa[1:] for sa in bundle.sa_list]),
        weaknesses_of(bundle, baseline),
    )


@lru_cache(maxsize=MAX_REMEMBERED)
def _number(
    ip_version: int,
    traffic_type: int,
    pfs_group: int,
    key_module: str,
    protections: tuple[Protection, ...],
    weaknesses: tuple[str, ...],
) -> int:
    ciphers = [cipher for type_, _, cipher in protections if type_ in ENCRYPTING]
    auths = [auth for type_, auth, _ in protections if type_ in AUTHENTICATING]
    return SUITES.number(
        Suite(
            (IP_VERSION[ip_version]["ipVersion"],),
            (TRAFFIC_TYPE[traffic_type]["trafficType"],),
            _unique(TRANSFORM_TYPE[type_]["transformType"] for type_, _, _ in protections),
            _unique(CIPHER_CONFIG[c.cipher_config]["cipherConfig"] for c in ciphers if c)
            or (Cipher.NONE.value,),
            _unique(AUTH_CONFIG[a.auth_config]["authConfig"] for a in auths if a)
            or (Integrity.NONE.value,),
            (PFS_GROUP[pfs_group]["pfsGroup"],),
            (key_module,),
            weaknesses,
            (protection_of([{"transform": _transform(*each)} for each in protections]),),
        )
    )


def _transform(
    type_: int, auth: AuthTransform | None, cipher: CipherTransform | None
) -> dict[str, Any]:
    """Return the names in an `SaTransform` object."""
    names: dict[str, Any] = {"transformType": TRANSFORM_TYPE[type_]["transformType"]}
    if auth is not None:
        names["authTransform"] = {"authConfig": AUTH_CONFIG[auth.auth_config]["authConfig"]}
    if cipher is not None:
        config = CIPHER_CONFIG[cipher.cipher_config]["cipherConfig"]
        names["cipherTransform"] = {"cipherConfig": config}
    return names


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
