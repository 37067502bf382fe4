"""What the failure codes of IKE and IPsec mean, in plain words, and what to check.

The table is `failures.toml` beside this module. IKE reports Win32 codes
(ERROR_IPSEC_*, winerror.h), the kernel NTSTATUS codes (STATUS_IPSEC_*,
ntstatus.h); no number is in both.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple


class Failure(NamedTuple):
    """A code that is known.

    Attributes:
        name: in winerror.h or ntstatus.h.
        explanation: what happened.
        check: where its cause may be found.
    """

    name: str
    explanation: str
    check: str


@cache
def failures() -> MappingProxyType[int, Failure]:
    """All codes that are known, as unsigned 32-bit numbers."""
    table = tomllib.loads(files(__package__).joinpath("failures.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            code: Failure(name, explanation, group["check"])
            for group in table["group"]
            for name, (code, explanation) in group["codes"].items()
        }
    )


def failure_of(code: int) -> Failure | None:
    """What is known about a code; None for all others, of which there are many."""
    return failures().get(code & 0xFFFFFFFF)
