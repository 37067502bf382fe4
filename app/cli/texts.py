"""How commands print amounts of bytes and times."""

from __future__ import annotations

from typing import Final


UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def bytes_of(number: int, max_decimals: int = 2) -> str:
    """Return a number of bytes with three digits and a decimal unit, such as `1.53 MB`.

    Args:
        number: the number.
        max_decimals: the maximum number of digits after the point.
    """
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(UNITS) - 1:  # noqa: PLR2004  # it would be rounded to 1000
        value /= 1000
        unit += 1
    decimals = 0 if not unit else 2 if value < 9.995 else 1 if value < 99.95 else 0  # noqa: PLR2004
    return f"{value:.{min(decimals, max_decimals)}f} {UNITS[unit]}"


def amount(count: str | int | None) -> str:
    """Return a number of bytes as in a table of peers, such as `1.5 MB`; empty if it is unknown."""
    return "" if count is None else bytes_of(int(count), max_decimals=1)


def time_of(text: str | None) -> str:
    """Return a time of the API to the second, in UTC; empty if there is none."""
    return "" if text is None else f"{text[:19]}Z"
