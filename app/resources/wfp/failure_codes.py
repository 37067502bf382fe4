"""Failure codes in the forms that people have: from logs, scripts, dialogs and headers."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from app.resources.wfp.failures import canonical_code, failures
from bindings.winerror import code_of


MAX_LENGTH: Final = 100
"""Maximum length of a code as text; the longest name in the tables has 66 characters."""

_DECIMAL: Final = re.compile(r"-?[0-9]{1,10}")
_HEXADECIMAL: Final = re.compile(r"0[xX]0{0,8}([0-9A-Fa-f]{1,8})")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,79}")


def read_code(text: str) -> int | None:
    """Parse a failure code: a number in any form, or a name of winerror.h or ntstatus.h.

    Args:
        text: a decimal number, also negative, as programs that take a code for a signed 32-bit
            number show it; a hexadecimal number with 0x; or a name in any case.

    Returns:
        The code as an unsigned number (`canonical_code`); None if the text is no code, or an
        unknown name.
    """
    if _DECIMAL.fullmatch(text):
        number = int(text)
        return canonical_code(number) if -(1 << 31) <= number < 1 << 32 else None
    if hexadecimal := _HEXADECIMAL.fullmatch(text):
        return canonical_code(int(hexadecimal[1], 16))
    if not _NAME.fullmatch(text):
        return None
    name = text.upper()
    code = _codes().get(name)
    return code_of(name) if code is None else code


@cache
def _codes() -> dict[str, int]:
    """Return the explained codes by name."""
    return {failure.name: code for code, failure in failures().items() if failure.name}
