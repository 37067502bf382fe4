"""Limits of what is read of one answer of the engine, whose counts and lengths may be wrong.

They apply to the whole process: it reads one engine, through many small functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


MIN_LIMIT: Final = 64
"""The smallest limit of a record's elements, below which nothing needs to be checked."""


@dataclass(slots=True)
class AnswerLimits:
    """The limits of an answer; an answer that exceeds one is an error and is never cut short.

    Attributes:
        max_record_elements: maximum length of each array, blob and string in an object, in
            elements, bytes and UTF-16 units.
        max_enumeration_objects: maximum number of objects in one enumeration.
    """

    max_record_elements: int = 65_536
    max_enumeration_objects: int = 250_000


LIMITS: Final = AnswerLimits()
"""The limits in force, which the settings change."""
