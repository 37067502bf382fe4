"""The published OpenAPI document as a judge: whether an answer is one that it documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against


PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
OF_SOME = {"Link", "Snapshot-Expires", "Snapshot-Idle-Seconds", "RateLimit", "RateLimit-Policy"}
"""Documented headers that not every answer of the operation has."""
OF_ALL = {
    "connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding",
    # For browsers (app/server/security_headers.py).
    "content-security-policy", "cross-origin-resource-policy", "referrer-policy",
    "x-content-type-options", "x-frame-options",
    "x-accel-buffering",
}  # fmt: skip
"""Headers that HTTP itself has, or that are for proxies, and no operation documents."""
ELSEWHERE = {404: {"not_found"}, 405: {"method_not_allowed"}}
"""What is answered to requests of no operation."""


class Violation(Exception):
    """What an answer is not as it is promised, with the request that it was given to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, or the head of one whose body is a stream.

    Attributes:
        method: of the request.
        target: its path and query.
        status: of the answer.
        headers: by name, in lower case.
        body: decompressed.
        content: the same as JSON, where that is what it is.
        asked: when the request was sent, on the monotonic clock.
        answered: when the answer was there.
    """

    method: str
    target: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    content: Any
    asked: float
    answered: float

    @property
    def path(self) -> str:
        """The path of the request."""
        return urlsplit(self.target).path

    @property
    def media_type(self) -> str:
        """Of the body."""
        return self.headers.get("content-type", "").partition(";")[0]

    def violation(self, what: str) -> Violation:
        """What to raise where something is wrong with it."""
        start = self.body[:2000].decode(errors="replace")
        return Violation(f"{self.method} {self.target}\n{self.status} {self.headers}\n{start}\n"
                         f"=> {what}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the document, and the requests that are its own."""

    method: str
    path: str
    responses: dict[str, Any]
    pattern: re.Pattern[str]

    @property
    def label(self) -> str:
        """As people say it."""
        return f"{self.method} {self.path}"


@cache
def _operations() -> list[Operation]:
    """All operations; those without a parameter in their path come first, as they are meant."""
    return [
        Operation(
            method.upper(),
            path,
            operation["responses"],
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))),
        )
        for path, methods in sorted(DOCUMENT["paths"].items(), key=lambda each: "{" in each[0])
        for method, operation in methods.items()
    ]


def operation_of(answer: Answer) -> Operation | None:
    """The operation that a request asked for; HEAD is answered as GET is."""
    method = "GET" if answer.method == "HEAD" else answer.method
    for operation in _operations():
        if operation.method == method and operation.pattern.fullmatch(answer.path):
            return operation
    return None


def check(answer: Answer, *, is_whole: bool = True) -> None:
    """Find an answer such as it is documented.

    Args:
        answer: the answer.
        is_whole: whether its body is there; if not, only its head is looked at.

    Raises:
        Violation: it is not.
    """
    operation = operation_of(answer)
    if operation is None:
        _check_elsewhere(answer)
        return
    documented = operation.responses.get(str(answer.status))
    if documented is None:
        raise answer.violation(f"{operation.label} does not document the status")
    _check_headers(answer, documented.get("headers", {}))
    contents = documented.get("content")
    if contents is None:
        if answer.body or answer.media_type:
            raise answer.violation("the status is documented without a body")
        return
    if answer.media_type not in contents:
        raise answer.violation(f"documented media types are {', '.join(contents)}")
    if answer.method == "HEAD":
        if answer.body:
            raise answer.violation("an answer to HEAD has a body")
        return
    if is_whole:
        _check_body(answer, documented)


def check_line(answer: Answer, line: Any) -> None:
    """Find a line of an export such as it is documented.

    Raises:
        Violation: it is not.
    """
    name = "SaContextExportEnd" if "end" in line else "SaContext"
    reason = reason_against(line, SCHEMA + name)
    if reason is not None:
        raise answer.violation(f"a line is no {name}: {reason}")


def _check_body(answer: Answer, documented: dict[str, Any]) -> None:
    schema = documented["content"][answer.media_type]["schema"]
    if schema.get("type") == "string":
        return  # who asked for it reads it
    _check_schema(answer, schema["$ref"])
    if answer.media_type == PROBLEM:
        codes = re.findall(r"`(\w+)`", documented["description"])
        _check_problem(answer, set(codes))


def _check_elsewhere(answer: Answer) -> None:
    if answer.path == "/openapi.json" and answer.status in (200, 304):
        return  # it does not document itself; who asks for it compares it
    if answer.status not in ELSEWHERE:
        raise answer.violation(f"no operation; one of {list(ELSEWHERE)} is due")
    if answer.media_type != PROBLEM:
        raise answer.violation(f"a {PROBLEM} is due")
    if answer.method != "HEAD":
        _check_schema(answer, f"{SCHEMA}Problem")
        _check_problem(answer, ELSEWHERE[answer.status])


def _check_schema(answer: Answer, schema: str) -> None:
    reason = reason_against(answer.content, schema)
    if reason is not None:
        raise answer.violation(f"not valid by {schema}: {reason}")


def _check_problem(answer: Answer, codes: set[str]) -> None:
    """What no schema says of a problem."""
    problem = answer.content
    if problem["status"] != answer.status:
        raise answer.violation("the problem's status is another")
    if problem["code"] not in codes:
        raise answer.violation(f"the code is none of {', '.join(sorted(codes))}")
    if problem["type"] != f"/problems/{problem['code']}":
        raise answer.violation("the type is not where the code is explained")
    if problem["instance"] != answer.path:
        raise answer.violation("the problem's instance is not the path")


def _check_headers(answer: Answer, documented: dict[str, Any]) -> None:
    names = {name.lower() for name in documented}
    undocumented = set(answer.headers) - names - OF_ALL
    if undocumented:
        raise answer.violation(f"undocumented headers: {', '.join(undocumented)}")
    missing = {name for name in documented if name not in OF_SOME and name.lower()
               not in answer.headers}  # fmt: skip
    if missing:
        raise answer.violation(f"documented headers are missing: {', '.join(missing)}")
    for name in names & set(answer.headers):
        header = next(n for n in documented if n.lower() == name)
        schema = f"#/components/headers/{header}/schema"
        type_ = DOCUMENT["components"]["headers"][header]["schema"]["type"]
        text = answer.headers[name]
        value = int(text) if type_ == "integer" and text.isdigit() else text
        reason = reason_against(value, schema)
        if reason is not None:
            raise answer.violation(f"the header {name} is not valid: {reason}")
