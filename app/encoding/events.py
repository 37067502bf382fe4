"""Server-Sent Events, as text (the HTML standard, 9.2)."""

from __future__ import annotations


def event(kind: str, event_id: str | None, data: bytes) -> bytes:
    """An event.

    Args:
        kind: its name.
        event_id: what a client resumes after; None where it is not to resume after this.
        data: one line.
    """
    id_line = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), id_line, data)


def context_event(
    kind: str,
    event_id: str | None,
    revision: int,
    sa_context_id: int,
    body: bytes | None,
    partner: int | None = None,
) -> bytes:
    """What happened to an SA context.

    Args:
        kind: what happened.
        event_id: as for `event`.
        revision: which change it belongs to.
        sa_context_id: the context's.
        body: its JSON text; None where it is gone, and only the id is told.
        partner: the context that seems to have taken its place, or whose place it took.
    """
    context = b'"saContextId":"%d"' % sa_context_id if body is None else b'"saContext":' + body
    rekey = b""
    if partner is not None:
        role = b"replacedBy" if body is None else b"replaces"
        rekey = b',"rekey":{"%b":"%d","inferred":true}' % (role, partner)
    return event(kind, event_id, b'{"revision":%d,%b%b}' % (revision, context, rekey))
