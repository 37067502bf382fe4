"""Responses that need more than a schema: the documented ones pass, and no others.

schemathesis imports this (`hooks` in schemathesis.toml).
"""

from __future__ import annotations

import atexit
import json
import os
import re
from collections import Counter
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
}
"""Texts that schemas restrict incompletely: set host bits, numbers above 64 bits, ids."""


MAX_INT64 = (1 << 63) - 1
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
    if isinstance(failure, AcceptedNegativeData):
        # A limit above 1000 is reduced to it, even above the 64 bits of its format.
        return not ("limit" in query and int(query["limit"]) > MAX_INT64)
    if isinstance(failure, RejectedPositiveData):
        is_export = response.request.headers.get("Accept") == "application/x-ndjson"
        return not _is_documented_rejection(query, response.json(), is_export=is_export)
    # OpenAPI 3.1 describes a stream as a whole, not its events; see the check below.
    return not (isinstance(failure, JsonSchemaError) and is_stream(response))


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
        reason = reason_against(event.data, SCHEMA + shapes[event.kind])
        assert reason is None, f"{event.kind} is no {shapes[event.kind]}: {reason}"


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
