"""Undocumented answers are found, and documented ones pass."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.soak.answers import (
    CONTEXT,
    OF_A_PAGE,
    OF_A_PROBLEM,
    SNAPSHOT,
    answer,
    page,
    problem,
)
from tests.soak.contract import Answer, Violation, check, check_line
from tests.soak.schemas import DOCUMENT, SCHEMA, reason_against


BUSY = answer(
    "/sa-contexts?maxAge=0",
    503,
    problem("/sa-contexts", "too_many_snapshots", 503),
    {**OF_A_PROBLEM, "retry-after": "2"},
)
GENUINE = {
    "page": page("/sa-contexts?limit=2", [1, 2], "next"),
    "last page": page("/sa-contexts?limit=2", [1]),
    "busy": BUSY,
    "not ready": answer(
        "/health/ready",
        503,
        {"status": "not_ready"},
        {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"},
    ),
    "not modified": answer(
        "/sa-contexts/1",
        304,
        None,
        {"etag": 'W/"a"', "cache-control": "no-cache", "vary": "Accept"},
    ),
    "head": answer("/sa-contexts", 200, None, OF_A_PAGE, method="HEAD"),
    "elsewhere": answer("/a", 404, problem("/a", "not_found", 404), OF_A_PROBLEM),
    "method": answer(
        "/engine", 405, problem("/engine", "method_not_allowed", 405), OF_A_PROBLEM, method="POST"
    ),
}


def without(answer: Answer, header: str) -> Answer:
    return replace(answer, headers={n: v for n, v in answer.headers.items() if n != header})


def with_member(answer: Answer, **members: Any) -> Answer:
    return replace(answer, content={**answer.content, **members})


FALSE = {
    "status": replace(BUSY, status=429),
    "media type": replace(BUSY, headers={**BUSY.headers, "content-type": "application/json"}),
    "no Retry-After": without(BUSY, "retry-after"),
    "Retry-After of 0": replace(BUSY, headers={**BUSY.headers, "retry-after": "0"}),
    "Retry-After is a date": replace(BUSY, headers={**BUSY.headers, "retry-after": "soon"}),
    "undocumented header": replace(BUSY, headers={**BUSY.headers, "x-powered-by": "magic"}),
    "no Cache-Control": without(GENUINE["page"], "cache-control"),
    "no id": without(GENUINE["page"], "x-request-id"),
    "status in the problem": with_member(BUSY, status=500),
    "code of another status": with_member(BUSY, code="not_found", type="problems/not_found"),
    "type of another code": with_member(BUSY, type="problems/engine_timeout"),
    "type outside a prefix": with_member(BUSY, type="/problems/too_many_snapshots"),
    "instance": with_member(BUSY, instance="engine"),
    "item": with_member(GENUINE["page"], items=[{**CONTEXT, "saContextId": 7}]),
    "no snapshot": with_member(GENUINE["page"], snapshot=None),
    "time": with_member(GENUINE["page"], snapshot={**SNAPSHOT, "takenAt": "yesterday"}),
    "body of a 304": replace(GENUINE["not modified"], body=b"{}"),
    "body of HEAD": replace(GENUINE["head"], body=b"{}"),
    "success elsewhere": replace(GENUINE["elsewhere"], status=200),
    "no problem elsewhere": replace(GENUINE["elsewhere"], headers={"content-type": "text/plain"}),
}


@pytest.mark.parametrize("name", GENUINE)
def test_what_is_documented_passes(name: str) -> None:
    check(GENUINE[name])


@pytest.mark.parametrize("name", FALSE)
def test_what_is_not_documented_is_seen(name: str) -> None:
    with pytest.raises(Violation, match=FALSE[name].target.replace("?", "[?]")):
        check(FALSE[name])


def test_a_body_that_is_still_to_come_is_not_missed() -> None:
    check(answer("/sa-contexts", 200, None, OF_A_PAGE), is_whole=False)
    with pytest.raises(Violation):
        check(answer("/sa-contexts", 200, None, OF_A_PAGE))


def test_lines_are_contexts_until_the_last() -> None:
    export = GENUINE["head"]
    check_line(export, CONTEXT)
    check_line(export, {"end": True, "count": 1, "snapshot": SNAPSHOT})
    for line in ({"end": True}, {**CONTEXT, "inboundSa": 1}, {}):
        with pytest.raises(Violation):
            check_line(export, line)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Yield each container in a value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


WRONG: tuple[Any, ...] = (None, -1, "a", [], {}, 1.5)


@pytest.mark.parametrize("first", [0, 3])
def test_both_validators_agree_on_whatever_is_wrong(first: int) -> None:
    """The fast validator is used, so it is compared with the other, member by member."""
    schema = {"$ref": f"{SCHEMA}SaContext", "components": DOCUMENT["components"]}
    second = jsonschema.Draft202012Validator(schema)
    genuine = {**CONTEXT, "outboundSa": None}
    rejected = 0
    for number in range(len(places(genuine))):
        changed = deepcopy(genuine)
        container, key = places(changed)[number]
        container[key] = WRONG[(first + number) % len(WRONG)]

        reason = reason_against(changed, f"{SCHEMA}SaContext")

        assert (reason is None) == second.is_valid(changed), (key, reason)
        rejected += reason is not None
    assert rejected > 50
