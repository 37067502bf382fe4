"""References from one object of the engine to another."""

from __future__ import annotations


def main_mode_id(luid: int | None) -> str | None:
    """Return the decimal text of a main mode SA's id; None if the engine has not set it.

    Some keying modules leave it at 0, which is no SA's id.
    """
    return str(luid) if luid else None
