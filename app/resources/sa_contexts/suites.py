"""What protects one direction of a context, in public names: what lists filter by, and count.

There are few different suites and many SAs, so each suite is made once and has
a number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from app.resources.sa_contexts.weaknesses import weaknesses_of
from app.resources.wfp.names import (
    AUTH_CONFIG,
    CIPHER_CONFIG,
    IP_VERSION,
    PFS_GROUP,
    TRAFFIC_TYPE,
    TRANSFORM_TYPE,
)
from app.schemas.names import Baseline, Cipher, Integrity
from bindings.enums import AUTHENTICATING, ENCRYPTING
from bindings.records import SaDetails


@dataclass(frozen=True, slots=True)
class Suite:
    """One combination of protection.

    Attributes:
        transform_type: of each SA of the bundle, as are the next two.
        cipher: `none` where nothing encrypts.
        integrity: `none` where nothing authenticates.
        weakness: against the baseline that was asked for.
    """

    ip_version: tuple[str]
    traffic_type: tuple[str]
    transform_type: tuple[str, ...]
    cipher: tuple[str, ...]
    integrity: tuple[str, ...]
    pfs_group: tuple[str]
    weakness: tuple[str, ...]


SUITES: Final[list[Suite]] = []
"""Each suite that was met, at its number. There are as many as names can be combined."""

MAX_REMEMBERED: Final = 1 << 16
"""Combinations of the engine's numbers, of which many may mean the same suite."""

_numbers: dict[tuple[Any, ...], int] = {}
_numbers_by_name: dict[Suite, int] = {}
_one_at_a_time = Lock()


def suite_of(details: SaDetails, baseline: Baseline) -> int:
    """The number of the suite that protects one direction."""
    bundle = details.sa_bundle
    weaknesses = weaknesses_of(bundle, baseline)
    combination = (
        weaknesses,
        details.ip_version,
        details.traffic.traffic_type,
        bundle.pfs_group,
        *[
            (type_, auth and auth[:2], cipher and cipher[:2])
            for _, type_, auth, cipher in bundle.sa_list
        ],
    )
    number = _numbers.get(combination)
    if number is None:
        number = _number(_named(details, weaknesses))
        if len(_numbers) == MAX_REMEMBERED:
            _numbers.clear()
        _numbers[combination] = number
    return number


def _number(suite: Suite) -> int:
    with _one_at_a_time:
        number = _numbers_by_name.get(suite)
        if number is None:
            number = len(SUITES)
            SUITES.append(suite)
            _numbers_by_name[suite] = number
    return number


def _named(details: SaDetails, weaknesses: tuple[str, ...]) -> Suite:
    bundle = details.sa_bundle
    ciphers = [s.cipher_transform for s in bundle.sa_list if s.sa_transform_type in ENCRYPTING]
    auths = [s.auth_transform for s in bundle.sa_list if s.sa_transform_type in AUTHENTICATING]
    return Suite(
        (IP_VERSION[details.ip_version]["ipVersion"],),
        (TRAFFIC_TYPE[details.traffic.traffic_type]["trafficType"],),
        _unique(TRANSFORM_TYPE[sa.sa_transform_type]["transformType"] for sa in bundle.sa_list),
        _unique(CIPHER_CONFIG[c.cipher_config]["cipherConfig"] for c in ciphers if c)
        or (Cipher.NONE.value,),
        _unique(AUTH_CONFIG[a.auth_config]["authConfig"] for a in auths if a)
        or (Integrity.NONE.value,),
        (PFS_GROUP[bundle.pfs_group]["pfsGroup"],),
        weaknesses,
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
