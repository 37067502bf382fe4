"""Judge answers by the published OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against


PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
OF_SOME = {
    "ETag",
    "Link",
    "Snapshot-Expires",
    "Snapshot-Idle-Seconds",
    "RateLimit",
    "RateLimit-Policy",
}
"""Documented headers that an answer may lack."""
OF_ALL = {
    "connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding",
    # For browsers (app/server/security_headers.py).
    "content-security-policy", "cross-origin-resource-policy", "referrer-policy",
    "strict-transport-security",
    "x-content-type-options", "x-frame-options",
    "x-accel-buffering",
}  # fmt: skip
"""Headers of HTTP itself or for proxies, which no operation documents."""
DOCUMENTATION = ("/openapi.json", "/docs")
ELSEWHERE = {404: {"not_found"}, 405: {"method_not_allowed"}}
"""Answers to requests that match no operation."""


class Violation(Exception):
    """An answer breaks the contract; names the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, or the head of a stream.

    Attributes:
        method: of the request.
        target: its path and query.
        status: of the answer.
        headers: by name, in lower case.
        body: decompressed.
        content: the parsed body, if it is JSON.
        asked: when the request was sent, by the monotonic clock.
        answered: when the answer had arrived.
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
        """Return the path of the request."""
        return urlsplit(self.target).path

    @property
    def media_type(self) -> str:
        """Return the media type of the body."""
        return self.headers.get("content-type", "").partition(";")[0]

    def violation(self, what: str) -> Violation:
        """Return the exception to raise if the answer is wrong."""
        start = self.body[:2000].decode(errors="replace")
        return Violation(f"{self.method} {self.target}\n{self.status} {self.headers}\n{start}\n"
                         f"=> {what}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the document, and a test for its requests.

    Attributes:
        scope: the scope that it requires; None: none.
        shows_more: the scope with which a public operation shows more; None: there is none.
    """

    method: str
    path: str
    responses: dict[str, Any]
    scope: str | None
    shows_more: str | None
    pattern: re.Pattern[str]

    @property
    def label(self) -> str:
        """Return the name for reports."""
        return f"{self.method} {self.path}"


@cache
def operations() -> list[Operation]:
    """Return all operations; those without path parameters take precedence, so they come first."""
    return [
        Operation(
            method.upper(),
            path,
            operation["responses"],
            *_scopes(operation.get("security", [])),
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))),
        )
        for path, methods in sorted(DOCUMENT["paths"].items(), key=lambda each: "{" in each[0])
        for method, operation in methods.items()
    ]


def _scopes(security: list[dict[str, list[str]]]) -> tuple[str | None, str | None]:
    """Return the scope that is required, and the one that is optional (OpenAPI 3.1, 4.8.30)."""
    scope = next((each["bearer"][0] for each in security if each), None)
    return (None, scope) if {} in security else (scope, None)


def operation_of(method: str, target: str) -> Operation | None:
    """Return the operation of a request; HEAD is answered like GET."""
    method, path = "GET" if method == "HEAD" else method, urlsplit(target).path
    for operation in operations():
        if operation.method == method and operation.pattern.fullmatch(path):
            return operation
    return None


def check(answer: Answer, *, is_whole: bool = True) -> None:
    """Check that an answer is as documented.

    Args:
        answer: the answer.
        is_whole: whether the body has been read; if not, only the head is checked.

    Raises:
        Violation: it is not.
    """
    operation = operation_of(answer.method, answer.target)
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
    """Check that a line of an export is as documented.

    Raises:
        Violation: it is not.
    """
    operation = operation_of(answer.method, answer.target)
    assert operation is not None
    described = operation.responses["200"]["content"][NDJSON]["schema"]["description"]
    *items, end = re.findall(r"`(\w+)`", described)
    name = end if "end" in line else _in_view(answer, items)
    reason = reason_against(line, SCHEMA + name)
    if reason is not None:
        raise answer.violation(f"a line is no {name}: {reason}")


def _check_body(answer: Answer, documented: dict[str, Any]) -> None:
    content = documented["content"][answer.media_type]
    if content["schema"].get("type") == "string":
        return  # who asked for it reads it
    shapes = [content["schema"], content.get("x-summarySchema")]
    _check_schema(answer, _in_view(answer, [each["$ref"] for each in shapes if each]))
    if answer.media_type == PROBLEM:
        codes = re.findall(r"`(\w+)`", documented["description"])
        _check_problem(answer, set(codes))


def _in_view(answer: Answer, names: list[str]) -> str:
    """Return the name of the shape in the requested view; the last is that of the summary."""
    return names[-1 if "view=summary" in answer.target else 0]


def _check_elsewhere(answer: Answer) -> None:
    if answer.path.startswith(DOCUMENTATION) and answer.status in (200, 304):
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
    """Check what no schema says about a problem."""
    problem = answer.content
    if problem["status"] != answer.status:
        raise answer.violation("the problem's status is another")
    if problem["code"] not in codes:
        raise answer.violation(f"the code is none of {', '.join(sorted(codes))}")
    if urljoin(f"/prefix{answer.target}", problem["type"]) != f"/prefix/problems/{problem['code']}":
        raise answer.violation("the type is not where the code is explained")
    instance = urljoin(f"/prefix{answer.target}", problem["instance"])
    if unquote(instance) != unquote(f"/prefix{answer.path}"):  # it escapes colons
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
