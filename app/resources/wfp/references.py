"""References from one object of the engine to another."""

from __future__ import annotations


def main_mode_id(luid: int | None) -> str | None:
    """Return a main mode SA's id as decimal text, or None if the engine has not set it.

    Some keying modules leave the id at 0. No SA has this id.
    """
    return str(luid) if luid else None
