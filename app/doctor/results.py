"""What a check found, and how a check is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from app.doctor.context import DoctorContext
from app.schemas.doctor import Outcome


Facts: TypeAlias = dict[str, Any]
"""What was measured, under the names of the report, as JSON can say it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found.

    Attributes:
        outcome: how it stands.
        sentence: what was found.
        remedy: what to do about it; None where there is nothing to do.
        facts: what was measured.
        names: the hosts, accounts and the like that any of this tells of, to be masked on request;
            addresses need not be named.
    """

    outcome: Outcome
    sentence: str
    remedy: str | None = None
    facts: Facts = field(default_factory=dict)
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """A check, by the name that its finding has.

    Attributes:
        examine: makes the finding.
        listens: whether it takes as long as was asked for.
    """

    name: str
    examine: Callable[[DoctorContext], CheckResult]
    listens: bool = False
