"""Operations: summaries from docstrings, common headers, and error responses as problems."""

from __future__ import annotations

import inspect
from typing import Any, Final

from app.api.media_types import JSON, PROBLEM
from app.api.problems import KINDS


CACHE_CONTROL: Final = {
    "description": "Whether and how long the response may be cached (RFC 9111).",
    "schema": {"type": "string"},
}
REQUEST_ID: Final = {
    "description": "The request's id in the server's log: the client's own `X-Request-Id` if it "
    "is at most 64 characters of `A-Z a-z 0-9 . _ -`, or else an id that the server generates.",
    "schema": {"type": "string"},
}
VARY: Final = {
    "description": "The request headers that select the representation: `Accept`, and for large "
    "responses `Accept-Encoding`.",
    "schema": {"type": "string"},
}
RATE_LIMIT: Final = {
    "RateLimit-Policy": {
        "description": 'The rate limit, if there is one: `"caller";q=60000;w=60` is 60,000 '
        "requests in 60 seconds (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'The remaining quota: `"caller";r=59000;t=1` allows 59,000 more requests '
        "now; the full quota is restored in one second.",
        "schema": {"type": "string"},
    },
}


def complete(operation: dict[str, Any]) -> None:
    """Complete an operation from FastAPI: its summary, headers and problem media types."""
    _split_description(operation)
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]  # FastAPI adds it to routes whose parameters are always valid
    is_negotiated = "406" in responses
    is_limited = "429" in responses
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["Cache-Control"] = CACHE_CONTROL
        if is_limited:
            headers.update(RATE_LIMIT)
        headers["X-Request-Id"] = REQUEST_ID
        if "content" in response:  # generators use the first media type
            content = response["content"].items()
            response["content"] = dict(sorted(content, key=lambda x: x[0] != JSON))
        is_failure = status.startswith(("4", "5"))
        if is_failure:
            _use_problem_type(response)
        if is_negotiated and (status == "406" or not is_failure):
            headers["Vary"] = VARY


def name_problem_codes(schemas: dict[str, Any]) -> None:
    """Make the problem codes an enumeration, so that generated code has names for the codes."""
    schemas["ProblemCode"] = {
        "type": "string",
        "enum": list(KINDS),
        "description": "The code of a kind of problem; `/problems/{code}` explains it.",
    }
    for name, schema in schemas.items():
        if name.endswith("Problem"):
            code = schema["properties"]["code"]
            del code["type"]
            code["$ref"] = "#/components/schemas/ProblemCode"


def _split_description(operation: dict[str, Any]) -> None:
    """Replace FastAPI's summary, a function's name, with the first paragraph of the description."""
    summary, _, rest = inspect.cleandoc(operation["description"]).partition("\n\n")
    operation["summary"] = " ".join(summary.split()).removesuffix(".")
    if rest:
        operation["description"] = rest
    else:
        del operation["description"]


def _use_problem_type(response: dict[str, Any]) -> None:
    """Document a problem as `application/problem+json`; FastAPI uses `application/json`."""
    content = response.get("content", {})
    reference = content.get(JSON, {}).get("schema", {}).get("$ref", "")
    if reference.endswith("Problem"):
        content[PROBLEM] = content.pop(JSON)
