"""Hand-made answers, for the tests of the code that judges answers."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson

from tests.soak.contract import Answer
from tests.soak.schemas import DOCUMENT


CONTEXT: dict[str, Any] = DOCUMENT["paths"]["/sa-contexts/{saContextId}"]["get"]["responses"][
    "200"
]["content"]["application/json"]["examples"]["sa_context"]["value"]
SNAPSHOT = {
    "epoch": "6196afc19aa1",
    "revision": 2,
    "takenAt": "2026-11-24T23:28:38.313056Z",
    "host": "WEB01",
    "engine": "simulator",
}
OF_A_PAGE = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "vary": "Accept, Accept-Encoding",
}


def answer(
    target: str,
    status: int,
    content: Any,
    headers: dict[str, str],
    *,
    method: str = "GET",
    asked: float = 0,
    answered: float = 0,
) -> Answer:
    """Return an answer with this content."""
    body = b"" if content is None else orjson.dumps(content)
    headers = {"x-request-id": "1972124235686261", **headers}
    return Answer(method, target, status, headers, body, content, asked, answered)


def context(number: int) -> dict[str, Any]:
    """Return a context with this id."""
    return {**deepcopy(CONTEXT), "saContextId": str(number)}


def page(
    target: str,
    numbers: list[int],
    next_cursor: str | None = None,
    *,
    expires_seconds: float = 600,
    **changes: Any,
) -> Answer:
    """Return a correct page of a list, apart from the changes."""
    content = {"items": [context(number) for number in numbers], "snapshot": SNAPSHOT}
    headers = dict(OF_A_PAGE)
    if next_cursor is not None:
        content["nextCursor"] = next_cursor
        expires = datetime.now(UTC) + timedelta(seconds=expires_seconds)
        headers |= {
            "link": f'<?cursor={next_cursor}&limit={len(numbers)}>; rel="next"',
            "snapshot-expires": format_datetime(expires, usegmt=True),
            "snapshot-idle-seconds": "60",
        }
    return answer(target, 200, content | changes, headers)


def problem(target: str, code: str, status: int, **members: Any) -> dict[str, Any]:
    """Return the problem that answers a request for `target`."""
    path = target.partition("?")[0]
    root = "../" * (path.count("/") - 1)
    return {
        "type": f"{root}problems/{code}",
        "title": "Something is wrong",
        "status": status,
        "detail": "So.",
        "instance": root + path.removeprefix("/"),
        "code": code,
        **members,
    }


OF_A_PROBLEM = {
    "content-type": "application/problem+json; charset=utf-8",
    "cache-control": "no-store",
}
