"""Query parameters of time: `since`, a time or how long ago it was; and periods."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.times import TIME_PATTERN, read_time


_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

SCHEMA: Final = {
    "type": "string",
    "pattern": f"^([0-9]{{1,6}}[smhd]|{TIME_PATTERN})$",
    "examples": ["10m", "2026-11-23T23:53:23Z"],
}


_PERIOD_ERROR: Final = "Should be a period in s, m, h or d, such as 12h or 30d"


def parse_period(text: str) -> timedelta:
    """Return the period that a text names, such as `30d`.

    Raises:
        ValueError: the text names none.
    """
    found = _AGO.fullmatch(text)
    if found is None:
        raise ValueError(_PERIOD_ERROR)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_since(text: str) -> datetime:
    """Return the time that a text names: RFC 3339, or how long ago, such as `10m`.

    Raises:
        ValueError: the text is neither, or the time is out of range.
    """
    try:
        if _AGO.fullmatch(text):
            return datetime.now(UTC) - parse_period(text)
        time = read_time(text)
        if time is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("Should be a time as in RFC 3339, or how long ago, such as 90s, 10m, 2h or 1d")


def _validate(text: Any) -> Any:
    try:
        parse_since(str(text))
    except ValueError as error:
        raise PydanticCustomError("since", "{reason}", {"reason": str(error)}) from None
    return text


def _validate_period(text: Any) -> Any:
    if not isinstance(text, str) or not _AGO.fullmatch(text):
        raise PydanticCustomError("period", "{reason}", {"reason": _PERIOD_ERROR})
    return text


PeriodParameter = Annotated[
    str,
    BeforeValidator(_validate_period),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhd]$", "examples": ["30d", "12h"]}),
]
"""A period: a number and `s`, `m`, `h` or `d`. It stays text, as in `SinceParameter`."""

SinceParameter = Annotated[str, BeforeValidator(_validate), WithJsonSchema(SCHEMA)]
"""A time as in RFC 3339, or how long ago it was: a number and `s`, `m`, `h` or `d`.

It stays text, so that links to further pages repeat it.
"""
