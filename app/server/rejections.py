"""Problems that the server sends before the application runs: for malformed or excess requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import h11

from app.api import problems
from app.api.problems import ProblemError, problem_response
from app.server.parser import LimitedH11Parser


RETRY_AFTER_SECONDS: Final = 2

MAX_UNDELAYED_REJECTIONS: Final = 2
"""Number of consecutive rejections without a delay: a client may first try without a token."""
DELAY_SECONDS: Final = 0.5
"""Minimum delay of each further rejection.

Reading pauses when the next request arrives, so a flood stays in the client's own buffers. A
delayed connection counts as idle and may be evicted.
"""
MAX_DELAY_SECONDS: Final = 2
MAX_DELAYED_PER_SECOND: Final = 200
"""Delayed rejections per second, of up to 400 connections; with more, `MAX_DELAY_SECONDS` prevails.

Each costs some 0.14 ms, or 0.9 ms on a slow processor.
"""

OnRejection = Callable[[ProblemError, str], None]
"""Receives each problem sent before the application runs, and the address of the client."""

TOO_MANY_CONNECTIONS: Final = ProblemError(
    problems.TOO_MANY_CONNECTIONS,
    "No further connection can be served now.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS), "Connection": "close"},
)

_PROBLEMS: Final = {
    kind.status: kind
    for kind in (
        problems.BAD_REQUEST,
        problems.LENGTH_REQUIRED,
        problems.CONTENT_TOO_LARGE,
        problems.HEADER_FIELDS_TOO_LARGE,
    )
}
"""Problems for requests that the parser rejects, by the status that its error suggests."""


class RejectionDelay:
    """The delay of repeated rejections, which grows if there are many. Belongs to one event loop.

    How it works: delayed rejections are sent at regular times, each at the next free one. A client
    that disconnects leaves its time unused; the maximum delay limits what others lose by that.
    """

    def __init__(self) -> None:
        self._next = 0.0

    def seconds(self, now: float) -> float:
        """Return how long to delay a rejection.

        Args:
            now: the event loop's time, in seconds.
        """
        sent = min(max(now + DELAY_SECONDS, self._next), now + MAX_DELAY_SECONDS)
        self._next = sent + 1 / MAX_DELAYED_PER_SECOND
        return sent - now


def parser_problem(error: BaseException | None, message: str) -> ProblemError:
    """Return the problem for a request that the parser rejected.

    Args:
        error: the parser's error, which may suggest a status.
        message: what is wrong, for a client whose request is malformed.
    """
    status = getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST)
    kind = _PROBLEMS.get(status) or replace(problems.REQUEST_REJECTED, status=status)
    return ProblemError(kind, message if kind is problems.BAD_REQUEST else f"{kind.title}.")


def rejected_request(parser: LimitedH11Parser) -> h11.Request | None:
    """Return the request that a rejection answers now; None if its head was not read."""
    return parser.last_request if parser.our_state is h11.SEND_RESPONSE else None


def rejection_bytes(
    problem: ProblemError, parser: LimitedH11Parser, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return a whole response with a problem, after which the connection is closed.

    Args:
        problem: the problem.
        parser: the connection's parser; its state becomes that after a response.
        headers: the headers that all responses have.
    """
    request = rejected_request(parser)
    response = problem_response(problem, parser.requested_path)
    head = h11.Response(
        status_code=response.status_code,
        reason=HTTPStatus(response.status_code).phrase.encode(),
        headers=[*headers, *response.raw_headers, (b"connection", b"close")],
    )
    is_head = request is not None and request.method == b"HEAD"
    body = [] if is_head else [h11.Data(data=bytes(response.body))]
    events = (head, *body, h11.EndOfMessage())
    return b"".join(parser.send(event) or b"" for event in events)
