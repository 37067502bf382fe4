"""Line output of a watch, for other programs: one line for each event."""

from __future__ import annotations

from app.cli.printable import printable, printable_json
from app.cli.watch.contexts import Shown
from app.cli.watch.stream import Event


CONTEXT_EVENTS = frozenset(("added", "modified", "deleted", "reset", "snapshot_end"))
"""The events that are printed; the others concern only the stream."""


def line_of(event: Event, shown: Shown | None) -> str:
    """Format an event as tab-separated fields: time, kind and id, then the row, rekey and reason.

    Args:
        event: the server's event.
        shown: the context that the event changed; without it, the other fields are omitted.
    """
    fields = [_time(event), event.kind, event.data.get("saContextId") or event.event_id]
    if shown is not None:
        row, rekey = shown.row, ""
        if shown.partner:
            rekey = f"{'replaced by' if shown.change == 'deleted' else 'replaces'} {shown.partner}"
        fields[2:] = [
            *(row.sa_context_id, row.mode, row.local, row.remote, row.protection, row.pfs),
            *(row.state, row.peer, row.rule, row.weaknesses, row.traffic, rekey, shown.reason),
        ]
    return "\t".join(map(printable, fields)) + "\n"


def json_line_of(event: Event) -> str:
    """Format an event, with all its data, as a JSON object on one line."""
    line = {
        "time": _time(event),
        "event": event.kind,
        "id": event.event_id or None,
        "data": event.data,
    }
    return printable_json(line)


def _time(event: Event) -> str:
    return f"{event.time:%Y-%m-%dT%H:%M:%S.%fZ}"
