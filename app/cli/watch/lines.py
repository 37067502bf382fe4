"""A watch as lines: one for each event, for other programs to read."""

from __future__ import annotations

from datetime import UTC, datetime

from app.cli.printable import printable, printable_json
from app.cli.watch.client import Event
from app.cli.watch.contexts import Shown


TOLD = frozenset(("added", "modified", "deleted", "reset", "snapshot_end"))
"""The events that say something about contexts; others are about the connection."""


def line_of(event: Event, shown: Shown | None) -> str:
    """The event as fields with tabs between: when, what, which, and what is known of it.

    Args:
        event: what the server told.
        shown: the context, where it is about one that is known.
    """
    fields = [_now(), event.kind, event.data.get("saContextId") or event.event_id]
    if shown is not None:
        rekey = ""
        if shown.partner:
            rekey = f"{'replaced by' if shown.change == 'deleted' else 'replaces'} {shown.partner}"
        fields[2:] = [*shown.row, rekey]
    return "\t".join(map(printable, fields)) + "\n"


def json_line_of(event: Event) -> str:
    """The event as an object on a line, with all that the server told."""
    told = {"time": _now(), "event": event.kind, "id": event.event_id or None, "data": event.data}
    return printable_json(told)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
