"""Checks and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from app.doctor.context import CheckSkipped, DoctorContext
from app.schemas.doctor import Outcome
from bindings.errors import EngineError, NotSupported


Facts: TypeAlias = dict[str, Any]
"""Measured values in JSON's types, by their names in the report."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        outcome: the verdict.
        sentence: the finding, in words.
        remedy: what to do about the finding; None if nothing needs to be done.
        facts: the measured values.
        names: names of hosts, accounts and the like in `sentence`, `remedy` and `facts`, to be
            masked on request. Addresses need not be listed.
    """

    outcome: Outcome
    sentence: str
    remedy: str | None = None
    facts: Facts = field(default_factory=dict)
    names: frozenset[str] = frozenset()


ok: Final = partial(CheckResult, Outcome.OK)
warning: Final = partial(CheckResult, Outcome.WARNING)
failure: Final = partial(CheckResult, Outcome.FAILURE)
not_applicable: Final = partial(CheckResult, Outcome.NOT_APPLICABLE)
unknown: Final = partial(CheckResult, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Check:
    """A check.

    Attributes:
        name: the name of its finding.
        run: performs the check.
        listens: whether the requested listening time extends its timeout.
    """

    name: str
    run: Callable[[DoctorContext], CheckResult]
    listens: bool = False

    def result(self, context: DoctorContext) -> CheckResult:
        """Perform the check; if it raises, return the outcome `unknown` with the reason."""
        try:
            return self.run(context)
        except CheckSkipped as reason:
            return unknown(str(reason))
        except NotSupported:
            return unknown("This version of Windows lacks the function: see `functions`.")
        except EngineError as error:
            return unknown(f"The engine did not answer: {error}.")
        except Exception as error:  # noqa: BLE001  # a broken check must not prevent the others
            return unknown(f"The check itself failed ({type(error).__name__}).")
