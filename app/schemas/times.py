"""Times as in RFC 3339, which requests name."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final


_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_DATE: Final = (
    "[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
_ZONE: Final = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
TIME_PATTERN: Final = f"{_DATE}T{_TIME}{_ZONE}"
"""A pattern for JSON schemas. All texts that match it are times; leap days are left out."""


def read_time(text: str) -> datetime | None:
    """Return the time that a text names; None if the text is not in the form of RFC 3339.

    Raises:
        ValueError: it has the form, but there is no such time.
    """
    return datetime.fromisoformat(text.upper()) if _RFC_3339.fullmatch(text) else None
