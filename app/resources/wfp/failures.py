"""Explanations of the failure codes of IKE and IPsec, with advice on what to check.

The table is `failures.toml` beside this module. IKE reports Win32 codes
(ERROR_IPSEC_*, winerror.h) and the kernel reports NTSTATUS codes (STATUS_IPSEC_*,
ntstatus.h). The two ranges do not overlap.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple


class Failure(NamedTuple):
    """An explained failure code.

    Attributes:
        name: name in winerror.h or ntstatus.h.
        explanation: what happened.
        check: what to check to find the cause.
    """

    name: str
    explanation: str
    check: str


@cache
def failures() -> MappingProxyType[int, Failure]:
    """Return all explained failures by their code, an unsigned 32-bit number."""
    table = tomllib.loads(files(__package__).joinpath("failures.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            code: Failure(name, explanation, group["check"])
            for group in table["group"]
            for name, (code, explanation) in group["codes"].items()
        }
    )


def failure_of(code: int) -> Failure | None:
    """Return the failure with this code, signed or unsigned, or None if it is not explained."""
    return failures().get(code & 0xFFFFFFFF)
