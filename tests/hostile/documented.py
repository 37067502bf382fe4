"""Responses that need more than a schema: the documented ones pass, and no others.

schemathesis imports this (`hooks` in schemathesis.toml).
"""

from __future__ import annotations

import atexit
import json
import os
import re
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import JsonSchemaError, RejectedPositiveData

from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against
from tests.sse import Parser


FREE_TEXTS = {
    "localSubnet",
    "remoteSubnet",
    "localAddress",
    "remoteAddress",
    "mmSaId",
    "qmFilterId",
    "spi",
    "saContextId",
    "since",
    "connectionId",
    "saId",
    "filterId",
    "address",
    "name",
    "subnet",
    "udpPort",
    "error",
    "principalName",
    "ruleName",
}
"""Texts that schemas restrict incompletely: set host bits, numbers above 64 bits, ids, names."""


MAX_INT64 = (1 << 63) - 1
MAX_HEAD_BYTES = 16_384
"""The maximum of a request line and its header fields (docs/robustness.md)."""
OTHER_HEAD_BYTES = 1024
"""What a request here has of them besides the path and the query, at most."""
ANSWERS: Counter[str] = Counter()


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,  # noqa: ARG001  # called by name
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Return whether a failure is genuine; a documented one is not."""
    query = case.query or {}
    if response.status_code == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
        # Before the application; no operation documents it (docs/robustness.md).
        return len(str(response.request.path_url)) < MAX_HEAD_BYTES - OTHER_HEAD_BYTES
    if isinstance(failure, AcceptedNegativeData):
        # A limit above 1000 is reduced to it, even above the 64 bits of its format.
        return not ("limit" in query and int(query["limit"]) > MAX_INT64)
    if isinstance(failure, RejectedPositiveData):
        is_export = response.request.headers.get("Accept") == "application/x-ndjson"
        return not _is_documented_rejection(query, response.json(), is_export=is_export)
    # OpenAPI 3.1 describes a stream as a whole, not its events, and one view; see the checks below.
    is_described_elsewhere = is_stream(response) or is_summary(response)
    return not (isinstance(failure, JsonSchemaError) and is_described_elsewhere)


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext,  # noqa: ARG001  # called by name
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> None:
    """Count the responses."""
    ANSWERS[f"{case.operation.label} {response.status_code}"] += 1


@atexit.register
def _report() -> None:
    if "ANSWERS" in os.environ:
        Path(os.environ["ANSWERS"]).write_text(json.dumps(ANSWERS), encoding="ascii")


@schemathesis.check
def unavailability_ends(
    ctx: schemathesis.CheckContext,  # noqa: ARG001  # called by name
    response: schemathesis.Response,
    case: schemathesis.Case[Any],  # noqa: ARG001
) -> None:
    """Check that a 503 says when to retry."""
    is_problem = response.headers["content-type"][0].startswith("application/problem+json")
    if response.status_code == 503 and is_problem:
        assert int(response.headers["retry-after"][0]) >= 1


@schemathesis.check
def events_are_documented(
    ctx: schemathesis.CheckContext,  # noqa: ARG001  # called by name
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """Check the shape of each event of a stream; schemathesis reads about twenty."""
    if not is_stream(response):
        return
    operation = DOCUMENT["paths"][case.operation.path]["get"]
    schema = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
    shapes = dict(re.findall(r"`(\w+)` \(`(\w+)`\)", schema["description"]))
    for event in Parser().feed(response.content):
        shape = shapes[event.kind]
        if (case.query or {}).get("view") == "summary" and shape == "SaContextEvent":
            shape = f"Summarized{shape}"
        reason = reason_against(event.data, SCHEMA + shape)
        assert reason is None, f"{event.kind} is no {shape}: {reason}"


@schemathesis.check
def summaries_are_documented(
    ctx: schemathesis.CheckContext,  # noqa: ARG001  # called by name
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """Check the shape of the view `summary`, which generated clients do not know."""
    if not is_summary(response):
        return
    content = DOCUMENT["paths"][case.operation.path]["get"]["responses"]["200"]["content"]
    reason = reason_against(response.json(), content["application/json"]["x-summarySchema"]["$ref"])
    assert reason is None, reason


def is_stream(response: schemathesis.Response) -> bool:
    """Return whether a response is a stream of Server-Sent Events."""
    return response.headers.get("content-type", [""])[0].startswith("text/event-stream")


def _is_documented_rejection(
    query: dict[str, Any], problem: dict[str, Any], *, is_export: bool
) -> bool:
    match problem["code"]:
        case "cursor_invalid" | "cursor_expired" | "cursor_mismatch":
            return "cursor" in query
        case "invalid_parameters":
            if "cursor" in query and (is_export or "maxAge" in query):
                return True
            if "limit" in query and is_export:
                return True
            return all(error["parameter"] in FREE_TEXTS for error in problem["errors"])
    return False


def is_summary(response: schemathesis.Response) -> bool:
    """Return whether a response has SA contexts in the view `summary`."""
    if response.headers.get("content-type", [""])[0].partition(";")[0] != "application/json":
        return False
    content = response.json()
    first = (content.get("items") or [content])[0] if isinstance(content, dict) else None
    return isinstance(first, dict) and "saContextId" in first and "localUdpEncapPort" in first
