"""Explanations of failure codes, with advice on what to check.

The explanations are in two tables in this folder. `failures.toml` explains the codes of IKE and
IPsec: Win32 codes (ERROR_IPSEC_*, winerror.h) and the kernel's NTSTATUS codes (STATUS_IPSEC_*,
ntstatus.h). `passed_on.toml` explains HRESULTs (winerror.h) of certificates, cryptography and
security packages, which IKE passes on. No number has two meanings.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bindings.enums import FailurePoint


TABLES: Final = ("failures.toml", "passed_on.toml")


class Advice(NamedTuple):
    """The explanation of a failure code for one failure point.

    Attributes:
        explanation: what happened.
        check: what to check to find the cause.
    """

    explanation: str
    check: str


class Failure(NamedTuple):
    """An explained failure code.

    Attributes:
        name: the code's name in winerror.h or ntstatus.h.
        me: advice if this host failed.
        peer: advice if the peer failed.
        unknown: advice if it is unknown which side failed.
    """

    name: str
    me: Advice
    peer: Advice
    unknown: Advice

    def at(self, failure_point: int) -> Advice:
        """Return the advice for an IPSEC_FAILURE_POINT; `unknown` unless it is ME or PEER."""
        match failure_point:
            case FailurePoint.ME:
                return self.me
            case FailurePoint.PEER:
                return self.peer
            case _:
                return self.unknown


@cache
def failures() -> MappingProxyType[int, Failure]:
    """Return all explained failures by code. Codes are unsigned 32-bit numbers."""
    return MappingProxyType(
        {
            code: _failure(name, texts, group)
            for table in TABLES
            for group in tomllib.loads(_read(table))["group"]
            for name, (code, *texts) in group["codes"].items()
        }
    )


def failure_of(code: int) -> Failure | None:
    """Return the failure with this signed or unsigned code, or None if it is not explained."""
    return failures().get(code & 0xFFFFFFFF)


def _read(table: str) -> str:
    return files(__package__).joinpath(table).read_text(encoding="utf-8")


def _failure(name: str, texts: list[str], group: dict[str, Any]) -> Failure:
    check = group["check"]
    checks = [check] if isinstance(check, str) else check
    vpn = " " + group["vpn"] if "vpn" in group else ""

    def advice(point: FailurePoint) -> Advice:
        return Advice(_form(texts, point), _form(checks, point) + vpn)

    return Failure(name, *map(advice, (FailurePoint.ME, FailurePoint.PEER, FailurePoint.NONE)))


def _sides(failed: str, other: str) -> dict[str, str]:
    """Return the values of a template's placeholders."""
    return {
        "side": failed,
        "Side": failed.capitalize(),
        "other": other,
        "Other": other.capitalize(),
    }


_SIDES: Final = {
    FailurePoint.ME: _sides("this host", "the peer"),
    FailurePoint.PEER: _sides("the peer", "this host"),
}


def _form(texts: list[str], point: FailurePoint) -> str:
    """Return the text for a failure point.

    Args:
        texts: one text that names no side; or two texts: a template for a known side, and the
            text for an unknown side.
        point: the side that failed; `NONE` if unknown.
    """
    return texts[0].format_map(_SIDES[point]) if point in _SIDES else texts[-1]
