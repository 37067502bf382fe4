"""Explanations of failure codes, with advice on what to check.

The explanations are in tables in this folder. `failures.toml` explains the codes of IKE and IPsec:
Win32 codes (ERROR_IPSEC_*, winerror.h) and the kernel's NTSTATUS codes (STATUS_IPSEC_*,
ntstatus.h). `passed_on.toml` explains HRESULTs (winerror.h) of certificates, cryptography and
security packages, which IKE passes on. `engine.toml` explains the codes of the filter engine and
general Win32 codes. No number has two meanings.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bindings.enums import FailurePoint


TABLES: Final = ("failures.toml", "passed_on.toml", "engine.toml")

NTSTATUS_ERROR: Final = 0xC0000000
"""The severity of errors among NTSTATUS codes (ntstatus.h)."""

_WIN32_IN_HRESULT: Final = 0x80070000
"""HRESULT_FROM_WIN32 (winerror.h): the upper half of an HRESULT that contains a Win32 code."""


class Advice(NamedTuple):
    """The explanation of a failure code for one failure point.

    Attributes:
        explanation: what happened.
        rules: what to check for connection security rules; None: nothing of their own.
        vpn: what to check for VPNs: RRAS, Always On VPN, any client of IKEv2 or L2TP; None: as for
            rules.
        direct_access: what to check for DirectAccess; None: as for rules.
    """

    explanation: str
    rules: str | None
    vpn: str | None
    direct_access: str | None

    @property
    def check(self) -> str:
        """What to check for rules and then for VPNs, in one text."""
        return " ".join(text for text in (self.rules, self.vpn) if text)


class Failure(NamedTuple):
    """An explained failure code.

    Attributes:
        name: the code's name in its header; empty if it has none.
        me: advice if this host failed.
        peer: advice if the peer failed.
        unknown: advice if it is unknown which side failed.
        sources: URLs of the public sources, the most specific first.
    """

    name: str
    me: Advice
    peer: Advice
    unknown: Advice
    sources: tuple[str, ...]

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
    package = __name__.rpartition(".")[0]
    return MappingProxyType(
        {code: failure for table in TABLES for code, failure in read_table(package, table)}
    )


def canonical_code(code: int) -> int:
    """Return a signed or unsigned code as the unsigned number under which it is explained.

    An HRESULT that contains a Win32 code (HRESULT_FROM_WIN32) becomes the Win32 code.
    """
    code &= 0xFFFFFFFF
    return code & 0xFFFF if code & 0xFFFF0000 == _WIN32_IN_HRESULT else code


def failure_of(code: int) -> Failure | None:
    """Return the failure with this signed or unsigned code, or None if it is not explained."""
    return failures().get(canonical_code(code))


def read_table(package: str, table: str) -> list[tuple[int, Failure]]:
    """Return the numbers and explanations in a table, in its order.

    Args:
        package: the package that contains the table.
        table: its file name.
    """
    read = tomllib.loads(files(package).joinpath(table).read_text(encoding="utf-8"))
    return [
        (code, _failure(name, texts, group, read["sources"]))
        for group in read["group"]
        for name, (code, *texts) in group["codes"].items()
    ]


def _failure(name: str, texts: list[str], group: dict[str, Any], sources: list[str]) -> Failure:
    def advice(point: FailurePoint) -> Advice:
        checks = (group.get(kind) for kind in ("check", "vpn", "directaccess"))
        return Advice(
            _form(texts, point),
            *(None if check is None else _form(check, point) for check in checks),
        )

    return Failure(
        "" if name.isdecimal() else name,
        advice(FailurePoint.ME),
        advice(FailurePoint.PEER),
        advice(FailurePoint.NONE),
        tuple(dict.fromkeys([*group.get("sources", ()), *sources])),
    )


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


def _form(texts: str | list[str], point: FailurePoint) -> str:
    """Return the text for a failure point.

    Args:
        texts: one text that names no side; or two texts: a template for a known side, and the
            text for an unknown side.
        point: the side that failed; `NONE` if unknown.
    """
    forms = [texts] if isinstance(texts, str) else texts
    return forms[0].format_map(_SIDES[point]) if point in _SIDES else forms[-1]
