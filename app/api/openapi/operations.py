"""Operations as clients read them: a summary, and failures that are problems."""

from __future__ import annotations

import inspect
from typing import Any, Final

from app.api.problems import KINDS, MEDIA_TYPE


CACHE_CONTROL: Final = {
    "description": "Whether and how long the answer may be kept (RFC 9111).",
    "schema": {"type": "string"},
}
REQUEST_ID: Final = {
    "description": "Names the request in the server's log: what the client sent under this name, "
    "if that is at most 64 characters of `A-Z a-z 0-9 . _ -`, or else made by the server.",
    "schema": {"type": "string"},
}
VARY: Final = {
    "description": "What the answer depends on beside the URL: the form that `Accept` asks for, "
    "and compression where it is large.",
    "schema": {"type": "string"},
}
RATE_LIMIT: Final = {
    "RateLimit-Policy": {
        "description": 'How much may be asked, where that is limited: `"caller";q=60000;w=60` is '
        "60,000 requests in 60 seconds (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it: `"caller";r=59000;t=1` is 59,000 requests, for certain '
        "within a second.",
        "schema": {"type": "string"},
    },
}


def complete(operation: dict[str, Any]) -> None:
    """Make an operation of FastAPI's into one that is told in full."""
    _split(operation)
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]  # FastAPI's own, where no parameter can be bad
    is_negotiated = "406" in responses
    is_limited = "429" in responses
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["Cache-Control"] = CACHE_CONTROL
        if is_limited:
            headers.update(RATE_LIMIT)
        headers["X-Request-Id"] = REQUEST_ID
        if "content" in response:  # generators take the first
            content = response["content"].items()
            response["content"] = dict(sorted(content, key=lambda of: of[0] != "application/json"))
        is_failure = status.startswith(("4", "5"))
        if is_failure:
            _as_problem(response)
        if is_negotiated and (status == "406" or not is_failure):
            headers["Vary"] = VARY


def name_problem_codes(schemas: dict[str, Any]) -> None:
    """Make the codes of problems an enumeration, so that generated code has their names."""
    schemas["ProblemCode"] = {
        "type": "string",
        "enum": list(KINDS),
        "description": "The kinds of problems; `/problems/{code}` explains each.",
    }
    for name, schema in schemas.items():
        if name.endswith("Problem"):
            code = schema["properties"]["code"]
            del code["type"]
            code["$ref"] = "#/components/schemas/ProblemCode"


def _split(operation: dict[str, Any]) -> None:
    """Take the summary from the first line of the docstring, not from the function's name."""
    summary, _, rest = inspect.cleandoc(operation["description"]).partition("\n\n")
    operation["summary"] = " ".join(summary.split()).removesuffix(".")
    if rest:
        operation["description"] = rest
    else:
        del operation["description"]


def _as_problem(response: dict[str, Any]) -> None:
    """Move what FastAPI documents as JSON to the media type that problems have."""
    content = response.get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    if reference.endswith("Problem"):
        content[MEDIA_TYPE] = content.pop("application/json")
