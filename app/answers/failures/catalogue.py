"""All explained failures: codes of Windows, ids of security events, and errors of RAS.

Every failure has one id: `13868` for a Win32 code, `0x800b0109` for an HRESULT or NTSTATUS,
`event-4653` for an event, `ras-809` for an error of RAS. People have more forms than these, and
`find` accepts them. The explanations of events and RAS are in tables in this folder, those of codes
in `app.resources.wfp`; all are read at first use. No number has two meanings, so that a bare number
leads to one failure.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from app.resources.wfp.failure_codes import MAX_LENGTH, read_code
from app.resources.wfp.failures import NTSTATUS_ERROR, Failure, failures, read_table
from app.schemas.hexadecimal import hex32


ACCEPTED: Final = (
    "Accepted are numbers in decimal (13868), signed (-2146762487) or, with 0x, in hexadecimal; "
    "names (ERROR_IPSEC_IKE_POLICY_MATCH); event ids (event-4653); and errors of RAS (ras-809)."
)
"""The forms of a code, in words."""

FIRST_PASSED_ON: Final = 13800
"""RAS passes on the codes of IKE from here on (ERROR_IPSEC_IKE_NEG_STATUS_BEGIN, winerror.h)."""

_PREFIXED: Final = re.compile(r"(event|ras)[-_ ]?([0-9]{1,5})", re.IGNORECASE)


class FailureFamily(StrEnum):
    """Where a number comes from."""

    WIN32 = "win32"
    NTSTATUS = "ntstatus"
    EVENT = "event"
    RAS = "ras"


class Entry(NamedTuple):
    """An explained failure.

    Attributes:
        id: its id, as in `/failures/{code}`.
        family: where its number comes from; HRESULTs count as `win32`, whose header has them.
        code: its number.
        failure: the explanation.
        related: the ids of the same failure under other numbers.
    """

    id: str
    family: FailureFamily
    code: int
    failure: Failure
    related: tuple[str, ...] = ()


@cache
def entries() -> MappingProxyType[str, Entry]:
    """Return all entries by id, in ascending order of family and number."""
    package = __name__.rpartition(".")[0]
    related = _related(package)
    found = [
        *(_of_code(code, failure) for code, failure in failures().items()),
        *(
            Entry(f"{family.value}-{code}", family, code, failure)
            for family in (FailureFamily.EVENT, FailureFamily.RAS)
            for code, failure in read_table(package, _TABLES[family])
        ),
    ]
    order = [*FailureFamily]
    found.sort(key=lambda entry: (order.index(entry.family), entry.code))
    return MappingProxyType(
        {entry.id: entry._replace(related=related.get(entry.id, ())) for entry in found}
    )


def find(text: str) -> Entry | None:
    """Return the entry for a code in any form that `ACCEPTED` names, or None."""
    if len(text) > MAX_LENGTH or not text.isascii():  # `upper` makes letters of others
        return None
    if prefixed := _PREFIXED.fullmatch(text):
        family, number = prefixed[1].lower(), int(prefixed[2])
        if family == FailureFamily.RAS and number >= FIRST_PASSED_ON:
            return _by_number().get(number)
        return entries().get(f"{family}-{number}")
    code = read_code(text)
    return _ras_by_name().get(text.upper()) if code is None else _by_number().get(code)


def _related(package: str) -> dict[str, tuple[str, ...]]:
    """Return the related ids by id."""
    text = files(package).joinpath("related.toml").read_text(encoding="utf-8")
    return {
        id_: tuple(other for other in group if other != id_)
        for group in tomllib.loads(text)["groups"]
        for id_ in group
    }


_TABLES: Final = {FailureFamily.EVENT: "events.toml", FailureFamily.RAS: "ras.toml"}


def _of_code(code: int, failure: Failure) -> Entry:
    is_ntstatus = code >= NTSTATUS_ERROR
    family = FailureFamily.NTSTATUS if is_ntstatus else FailureFamily.WIN32
    return Entry(hex32(code) if code >> 31 else str(code), family, code, failure)


@cache
def _by_number() -> dict[int, Entry]:
    return {entry.code: entry for entry in entries().values()}


@cache
def _ras_by_name() -> dict[str, Entry]:
    """Return the errors of RAS by name. winerror.h takes precedence for names in both headers."""
    return {
        entry.failure.name: entry
        for entry in entries().values()
        if entry.family is FailureFamily.RAS and entry.failure.name
    }
