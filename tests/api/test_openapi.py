"""The published OpenAPI document: committed, correct, and accepted by generators and linters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.api.problems import KINDS, ProblemError, problem_response
from sdk.document import DOCUMENT, EXAMPLES, published
from sdk.examples import collect
from tests.conftest import Serve


KEPT: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = KEPT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: operation
    for path in KEPT["paths"].values()
    for operation in path.values()
}
CHANGED = (
    "The OpenAPI document has changed. If it should, run `make openapi` and commit the result."
)


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator({**schema, "components": KEPT["components"]})
    return bool(validator.is_valid(value))


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a document except examples, with its location."""
    if isinstance(node, dict):
        yield path, node
        for name, value in node.items():
            if name not in ("example", "examples"):
                yield from nodes(value, f"{path}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes(value, f"{path}/{number}")


def test_the_kept_document_is_the_published_one(client: TestClient) -> None:
    assert client.get("/openapi.json").json() == KEPT, CHANGED
    assert published() == KEPT, CHANGED


def test_examples_are_what_a_server_answers(simulator: Simulator) -> None:
    assert simulator.count() == 0
    assert collect() == json.loads(EXAMPLES.read_text(encoding="utf-8")), CHANGED


def test_every_success_and_every_problem_of_its_own_has_a_valid_example() -> None:
    shown = 0
    for operation in OPERATIONS.values():
        for response in operation["responses"].values():
            for media_type, content in response.get("content", {}).items():
                examples = content.get("examples", {})
                if not media_type.startswith("application/problem"):
                    assert examples, f"sdk/examples.py has none for {operation['operationId']}"
                for example in examples.values():
                    assert is_valid(example["value"], content["schema"])
                    shown += 1
    kept = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    assert shown == sum(
        len(named)
        for statuses in kept.values()
        for media_types in statuses.values()
        for named in media_types.values()
    )


def test_every_operation_is_reported_in_full() -> None:
    tags = {tag["name"] for tag in KEPT["tags"]}
    assert len(OPERATIONS) == sum(len(path) for path in KEPT["paths"].values())
    for name, operation in OPERATIONS.items():
        assert name.isidentifier()
        assert set(operation["tags"]) <= tags
        assert not operation["summary"].endswith(".")
        assert {"400", "500"} <= set(operation["responses"])
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter["name"])


def test_who_needs_a_credential_says_so_and_what_becomes_of_those_without() -> None:
    assert KEPT["security"] == []
    assert KEPT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    rejections = {
        "401": "unauthenticated",
        "403": "insufficient_scope",
        "503": "issuer_unavailable",
    }
    for name, operation in OPERATIONS.items():
        for status, code in rejections.items():
            if name == "get_failure" and status == "403":
                continue  # without the scope, it shows less
            description = operation["responses"].get(status, {}).get("description", "")
            assert (f"`{code}`" in description) == ("security" in operation), (name, status)


def test_a_credential_is_optional_where_it_only_shows_more() -> None:
    optional = {name for name, each in OPERATIONS.items() if {} in each.get("security", ())}

    assert optional == {"list_failures", "get_failure"}
    for name in optional:
        assert OPERATIONS[name]["security"] == [{}, {"bearer": ["diagnostics:read"]}]


def test_each_status_has_one_named_problem_that_holds_all_of_its_kinds() -> None:
    extra: dict[str, dict[str, Any]] = {
        "EngineProblem": {
            "winError": 5,
            "winErrorHex": "0x00000005",
            "winErrorName": "ERROR_ACCESS_DENIED",
            "function": "f",
        },
        "InvalidParametersProblem": {"errors": [{"parameter": "limit", "reason": "no number"}]},
        "SnapshotExpiredProblem": {"restartUrl": "sa-contexts"},
    }
    seen = set()
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/problem+json")
            if content is None:
                continue
            assert list(content["schema"]) == ["$ref"]
            codes = response["description"].partition(": ")[2].split(", ")
            for code in (each.strip("`") for each in codes):
                kind = KINDS[code]
                members = extra.get(kind.schema.__name__, {})
                answer = problem_response(ProblemError(kind, "So.", **members), b"/")
                problem = json.loads(bytes(answer.body))
                assert problem["status"] == int(status)
                assert is_valid(problem, content["schema"])
                seen.add(code)
            retry = response.get("headers", {}).get("Retry-After")
            assert (retry is not None) == (status in ("429", "503"))
    unrouted = {
        *("method_not_allowed", "request_rejected", "request_timeout", "length_required"),
        *("content_too_large", "header_fields_too_large", "too_many_connections"),
    }
    assert seen | unrouted >= set(KINDS)


def test_json_is_the_first_of_several_media_types() -> None:
    content = OPERATIONS["list_sa_contexts"]["responses"]["200"]["content"]

    assert list(content) == ["application/json", "application/x-ndjson"]
    assert content["application/x-ndjson"]["schema"]["type"] == "string"


def test_enumerations_and_unions_have_names() -> None:
    for path, node in nodes(KEPT):
        if "enum" in node:
            assert path.removeprefix("/components/schemas/") in SCHEMAS, path
        if "oneOf" in node:
            assert path.removeprefix("/components/schemas/") in SCHEMAS, path
            assert node["discriminator"]["propertyName"]
        choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
        assert len(choices) < 2 or path.endswith(("OrNewer", "x-itemSchema")), path


def test_parameters_have_no_null_no_newer_word_and_no_default() -> None:
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", ()):
            text = json.dumps(parameter["schema"])
            assert "null" not in text
            assert "OrNewer" not in text
            assert "default" not in text


def replaced(value: Any, name: str, new: Any) -> Any:
    """Return the value with another value in each member of a name."""
    if isinstance(value, dict):
        return {
            key: new if key == name else replaced(each, name, new) for key, each in value.items()
        }
    return [replaced(each, name, new) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "name", ["cipherType", "authConfig", "pfsGroup", "ipVersion", "saDirection", "matchType"]
)
def test_responses_may_have_newer_words(client: TestClient, name: str) -> None:
    item = client.get("/sa-contexts?limit=1").json()["items"][0]
    newer = replaced(item, name, "a_newer_word")

    assert newer != item
    assert is_valid(newer, SCHEMAS["SaContext"])
    assert not is_valid(replaced(item, name, 7), SCHEMAS["SaContext"])


def test_discriminators_have_only_their_words(client: TestClient) -> None:
    item = client.get("/sa-contexts?limit=1").json()["items"][0]

    assert is_valid(item, SCHEMAS["SaContext"])
    assert not is_valid(replaced(item, "transformType", "newer"), SCHEMAS["SaContext"])


def test_fields_may_be_added(client: TestClient) -> None:
    item = deepcopy(client.get("/sa-contexts?limit=1").json()["items"][0])
    item["outboundSa"]["saBundle"]["newer"] = 1

    assert is_valid(item, SCHEMAS["SaContext"])


@pytest.mark.parametrize(
    ("url", "path", "headers"),
    [
        ("/sa-contexts?limit=3", "/sa-contexts", {}),
        ("/sa-contexts", "/sa-contexts", {"Accept": "application/x-ndjson"}),
        ("/sa-contexts?limit=0", "/sa-contexts", {}),
        ("/sa-contexts", "/sa-contexts", {"Accept": "text/html"}),
        ("/engine", "/engine", {"Accept": "text/html"}),
        ("/sa-contexts/summary", "/sa-contexts/summary", {}),
        ("/sa-contexts/{id}", "/sa-contexts/{saContextId}", {}),
        ("/sa-contexts/{id}", "/sa-contexts/{saContextId}", {"If-None-Match": "*"}),
        ("/engine", "/engine", {}),
        ("/health/live", "/health/live", {}),
        ("/health/ready", "/health/ready", {}),
        ("/problems/not_found", "/problems/{code}", {}),
    ],
)
def test_the_headers_of_answers_are_documented(
    client: TestClient, simulator: Simulator, url: str, path: str, headers: dict[str, str]
) -> None:
    response = client.get(url.format(id=simulator.ids()[0]), headers=headers)
    documented = KEPT["paths"][path]["get"]["responses"][str(response.status_code)]["headers"]
    has = set(response.headers) - {"content-type", "content-length", "content-encoding"}

    assert has <= {name.lower() for name in documented}
    of_pages = {"Link", "Snapshot-Expires", "Snapshot-Idle-Seconds"}
    assert {name.lower() for name in set(documented) - of_pages} <= has
    for name, header in documented.items():
        assert header == {"$ref": f"#/components/headers/{name}"}


def test_integers_say_how_wide_they_are() -> None:
    integers = [(path, node) for path, node in nodes(SCHEMAS) if node.get("type") == "integer"]
    assert integers
    for path, node in integers:
        is_narrow = node.get("maximum", 2**31) < 2**31
        assert node["format"] == ("int32" if is_narrow else "int64"), path


def test_words_that_are_no_names_have_one() -> None:
    for schema in SCHEMAS.values():
        words = schema.get("enum", ())
        names = schema.get("x-enum-varnames", words)
        assert len(set(names)) == len(words)
        assert all(name.isidentifier() for name in names)


def test_the_document_is_revalidated(client: TestClient) -> None:
    first = client.get("/openapi.json")
    tag = first.headers["etag"]

    assert first.headers["cache-control"] == "no-cache"
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get("/openapi.json", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "no-cache"
    other = client.get("/openapi.json", headers={"If-None-Match": '"other"'})
    assert other.content == first.content


def test_two_servers_publish_the_same(serve: Serve) -> None:
    tags = {serve(contexts=n).get("/openapi.json").headers["etag"] for n in (0, 3)}

    assert len(tags) == 1


@pytest.mark.parametrize(
    ("since", "is_one"),
    [
        ("8f14e45fceea-17", True),
        ("8f14e45fceea-17.250", True),
        ("", False),
        ("8f14e45fceea", False),
        ("8f14e45fceea-", False),
        ("8F14E45FCEEA-17", False),
        ("8f14e45fceea-17.250.1", False),
        ("#8f14e45fceea-17", False),
    ],
)
def test_the_form_of_what_is_resumed_after_is_reported(since: str, is_one: bool) -> None:
    (parameter,) = (
        each for each in OPERATIONS["watch_sa_contexts"]["parameters"] if each["name"] == "since"
    )

    assert is_valid(since, parameter["schema"]) is is_one


def test_no_object_has_the_shapes_of_two_views() -> None:
    """Clients choose the shape by its required members: none of one view is in the other."""
    for view, other in (("SaContext", "SummarizedSaContext"), ("SummarizedSaContext", "SaContext")):
        assert set(SCHEMAS[view]["required"]) - set(SCHEMAS[other]["properties"])
