"""FILETIME, the engine's format of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final


_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_END: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The end of the year 9999, in microseconds since 1601. Years in RFC 3339 have four digits."""


def moment_of(filetime: int) -> datetime | None:
    """Return the time of a FILETIME (100 ns units since 1601-01-01 UTC), truncated to microseconds.

    Return None for 0, which means that there is no time, and for times after the year 9999.
    """
    microseconds = filetime // 10
    if filetime <= 0 or microseconds > _END:
        return None
    return _EPOCH + timedelta(microseconds=microseconds)


def filetime_of(moment: datetime) -> int:
    """Return the FILETIME of a time, with a precision of one microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10
