"""The h11 parser of a connection, with limits on the head and content of a request."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import h11

from app.settings.limits import ConnectionLimits


MAX_HEADER_FIELDS: Final = 100
"""Maximum number of header fields of a request; each look-up scans them all."""

_MAX_HEAD_LINES: Final = MAX_HEADER_FIELDS + 2
"""The fields, the request line and the final blank line."""
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_REQUEST_LINE: Final = re.compile(rb"\A[A-Z]+ (?:https?://[^/?# ]*)?(/[!->@-~]*)", re.IGNORECASE)
"""The start of a request line: the method, and the path without the query as group 1."""
_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


class LimitedH11Parser(h11.Connection):
    """An h11 parser that rejects oversized heads, and oversized or chunked content.

    It removes the base path from targets, so that everything above sees the paths of routes, and
    relative references stay below the base path (`app.api.references`). Targets without it, of
    clients that bypass the proxy, remain as they are.

    Attributes:
        last_request: the last request whose head was read.
    """

    def __init__(self, limits: ConnectionLimits, base_path: bytes = b"") -> None:
        """Create the parser of a connection.

        Args:
            limits: the limits of connections.
            base_path: the prefix to remove from paths, without a final slash.
        """
        super().__init__(h11.SERVER, limits.max_request_bytes)
        self._max_bytes = limits.max_request_bytes
        self._max_body_bytes = limits.max_body_bytes or limits.max_request_bytes
        self._base_path = base_path
        self.last_request: h11.Request | None = None
        self._unread = b""

    @property
    def requested_path(self) -> bytes:
        """The path of the request to answer, not decoded; empty if there is no well-formed one."""
        if self.last_request is not None and self.our_state is h11.SEND_RESPONSE:
            return self.last_request.target.partition(b"?")[0]
        line = _REQUEST_LINE.match(self._unread)
        return self._without_base_path(line[1]) if line else b""

    @property
    def is_full(self) -> bool:
        """Whether as much is waiting to be parsed as the largest request may have."""
        return len(self.trailing_data[0]) >= self._max_bytes

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """Return the next event from the client.

        Raises:
            RemoteProtocolError: the request is malformed or chunked, or exceeds a limit.
        """
        if self.their_state is h11.IDLE:  # kept, because h11 also consumes a head that it rejects
            self._unread = self.trailing_data[0]
            if _has_too_many_lines(self._unread):  # h11 would parse all fields before it returned
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                raise h11.RemoteProtocolError(status.phrase, error_status_hint=status)
        event = super().next_event()
        if isinstance(event, h11.Request):
            # h11 checks the length of a head only while it is incomplete; check complete ones here.
            head_bytes = len(self._unread) - len(self.trailing_data[0])
            self._unread = b""
            event = self._below_base_path(_in_origin_form(event))
            self.last_request = event
            rejection = self._rejection_status(event, head_bytes)
            if rejection is not None:
                raise h11.RemoteProtocolError(rejection.phrase, error_status_hint=rejection)
        return event

    def _below_base_path(self, request: h11.Request) -> h11.Request:
        target = self._without_base_path(request.target)
        if target is request.target:
            return request
        return h11.Request(
            method=request.method,
            target=target,
            headers=list(request.headers),
            http_version=request.http_version,
        )

    def _without_base_path(self, target: bytes) -> bytes:
        is_below = target.startswith(self._base_path + b"/")
        return target[len(self._base_path) :] if self._base_path and is_below else target

    def _rejection_status(self, request: h11.Request, head_bytes: int) -> HTTPStatus | None:
        if head_bytes > self._max_bytes or len(request.headers) > MAX_HEADER_FIELDS:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        for name, value in request.headers:
            if name == b"transfer-encoding":
                return HTTPStatus.LENGTH_REQUIRED
            if name == b"content-length" and int(value) > self._max_body_bytes:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None


def _has_too_many_lines(data: bytes) -> bool:
    """Return whether the head of the request at the start of `data` has too many lines."""
    if data.count(b"\n") <= _MAX_HEAD_LINES:  # usually
        return False
    blank = _BLANK_LINE.search(data)
    return data.count(b"\n", 0, blank.end() if blank else len(data)) > _MAX_HEAD_LINES


def _in_origin_form(request: h11.Request) -> h11.Request:
    """Convert an absolute-form target to origin form; the target's authority replaces `Host`.

    Servers must accept the absolute form from any client (RFC 9112, 3.2.2).
    """
    url = _ABSOLUTE_FORM.match(request.target)
    if url is None:
        return request
    rest = request.target[url.end() :]
    headers = [(name, value) for name, value in request.headers if name != b"host"]
    return h11.Request(
        method=request.method,
        target=rest if rest.startswith(b"/") else b"/" + rest,
        headers=[(b"host", url[1]), *headers],
        http_version=request.http_version,
    )
