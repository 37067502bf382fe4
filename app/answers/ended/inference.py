"""Why an SA context probably ended, inferred from what is known of it.

Windows reports only that a context is gone. Each reason therefore has a condition that must be
known to hold; the first one that holds is the reason. If none is known to hold, the reason is
`unknown`: a guess would be worth less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from app.schemas.names import EndReason, KeyModule


LIFETIME_TOLERANCE_SECONDS: Final = 5.0
"""How much younger than its lifetime an expired context may seem.

The server learns of a context some tenths of a second after its creation, if it is announced.
"""


_NUMBER: Final = re.compile(rb"[0-9]+")
_BUNDLE: Final = b'"saBundle":'
_LIFETIME: Final = b'"lifetimeSeconds":'
_IDLE_TIMEOUT: Final = b'"idleTimeoutSeconds":'
_MAIN_MODE: Final = b'"mmSaId":"'
_IKEV2: Final = b'"keyModule":"%b"' % KeyModule.IKEV2.encode()
"""A bundle and its members. Quotes inside JSON strings are escaped, so they are found nowhere else.
"""


class Terms(NamedTuple):
    """What the SAs of a context say about its end.

    Attributes:
        lifetime_seconds: the shorter of their lifetimes; 0: no limit.
        idle_timeout_seconds: the longer of their idle timeouts; 0: at least one has none.
        is_ikev2: whether IKEv2 negotiated them.
        main_modes: the ids of the main mode SAs that negotiated them.
    """

    lifetime_seconds: int = 0
    idle_timeout_seconds: int = 0
    is_ikev2: bool = False
    main_modes: tuple[int, ...] = ()


class Observed(NamedTuple):
    """What the server saw of a context.

    Attributes:
        replaced_by: the id of the context that replaced it; None if no such context is known.
        gone_main_mode: the id of its main mode SA, if that is known to have ended, and not to have
            been rekeyed (`app.answers.ended.main_modes`); None otherwise.
        idle_seconds: for how long the bytes of its connection had certainly stood still; None if
            the engine does not count them.
        idle_tolerance_seconds: how much longer than `idle_seconds` they may have stood still,
            before the first and after the last of the samples that are equal.
        age_seconds: for how long it existed; None if the server did not see its creation.
    """

    replaced_by: int | None = None
    gone_main_mode: int | None = None
    idle_seconds: float | None = None
    idle_tolerance_seconds: float = 0.0
    age_seconds: float | None = None


class Inference(NamedTuple):
    """A reason, and the members of `EndEvidence` that show it."""

    reason: EndReason
    evidence: dict[str, Any]


UNKNOWN: Final = Inference(EndReason.UNKNOWN, {})


def infer(terms: Terms, observed: Observed) -> Inference:
    """Return the first reason that is known to hold."""
    return next(_reasons(terms, observed), UNKNOWN)


def _reasons(terms: Terms, observed: Observed) -> Iterator[Inference]:
    if observed.replaced_by is not None:
        yield Inference(EndReason.REKEYED, {"replacedBy": str(observed.replaced_by)})
    # In IKEv1, SAs outlive their main mode SA; in IKEv2, they end with it (RFC 7296, 1.4.1).
    if terms.is_ikev2 and observed.gone_main_mode is not None:
        yield Inference(EndReason.MAIN_MODE_GONE, {"mmSaId": str(observed.gone_main_mode)})
    timeout, idle, age = terms.idle_timeout_seconds, observed.idle_seconds, observed.age_seconds
    is_old_enough = age is None or age + LIFETIME_TOLERANCE_SECONDS >= timeout
    min_idle = max(timeout - observed.idle_tolerance_seconds, timeout / 2)
    if timeout and idle is not None and idle >= min_idle and is_old_enough:
        evidence = {"idleTimeoutSeconds": timeout, "idleSeconds": round(idle, 3)}
        yield Inference(EndReason.IDLE_TIMEOUT, evidence)
    lifetime = terms.lifetime_seconds
    if lifetime and age is not None and age + LIFETIME_TOLERANCE_SECONDS >= lifetime:
        evidence = {"lifetimeSeconds": lifetime, "ageSeconds": round(age, 3)}
        yield Inference(EndReason.LIFETIME_EXPIRED, evidence)


def terms_of(json: bytes) -> Terms:
    """Return the terms of a context, given its JSON (`app.resources.sa_contexts.schema`).

    The JSON is searched, because parsing all of it would take several times as long.
    """
    lifetimes: list[int] = []
    timeouts: list[int] = []
    main_modes: dict[int, None] = {}
    bundles = json.split(_BUNDLE)[1:]
    for bundle in bundles:
        lifetimes += _number_after(_LIFETIME, bundle)
        timeouts += _number_after(_IDLE_TIMEOUT, bundle)
        main_modes |= dict.fromkeys(_number_after(_MAIN_MODE, bundle))
    return Terms(
        min(filter(None, lifetimes), default=0),
        max(timeouts) if timeouts and all(timeouts) else 0,
        bool(bundles) and all(_IKEV2 in bundle for bundle in bundles),
        tuple(main_modes),
    )


def _number_after(before: bytes, bundle: bytes) -> list[int]:
    """Return the number that follows these bytes; [] if there is none."""
    start = bundle.find(before)
    found = None if start < 0 else _NUMBER.match(bundle, start + len(before))
    return [] if found is None else [int(found[0])]
