"""The OpenAPI 3.0.3 form of the document, for generators that handle 3.1 poorly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from app.api.openapi.downgrade import as_3_0
from sdk.document import DOCUMENT_3_0
from sdk.walks.newer import extended
from tests.api.test_openapi import CHANGED, KEPT, nodes


KEPT_3_0: dict[str, Any] = json.loads(DOCUMENT_3_0.read_text(encoding="utf-8"))
PREFIX = "#/components/schemas/"


def as_json_schema(node: Any) -> Any:
    """Return the document with `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    converted = {name: as_json_schema(each) for name, each in node.items() if name != "nullable"}
    return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") is True else converted


COMPONENTS = as_json_schema(KEPT_3_0["components"])


def validate(value: Any, schema: dict[str, Any]) -> None:
    whole = {**as_json_schema(schema), "components": COMPONENTS}
    jsonschema.Draft4Validator(whole).validate(value)


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema that generators read, with its location."""
    for path, node in nodes(KEPT_3_0):
        is_schema = path.endswith("/schema") or "/schemas/" in path
        if is_schema and not path.endswith("/properties") and "x-itemSchema" not in path:
            yield path, node


def responses() -> Iterator[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    """Yield path, status, media type and contents of each response of both documents."""
    for path, item in KEPT["paths"].items():
        for status, response in item["get"]["responses"].items():
            for media_type, content in response.get("content", {}).items():
                other = KEPT_3_0["paths"][path]["get"]["responses"][status]["content"][media_type]
                yield path, status, media_type, content, other


def test_the_kept_document_is_the_published_one(client: TestClient) -> None:
    assert client.get("/openapi-3.0.json").json() == KEPT_3_0, CHANGED
    assert as_3_0(KEPT) == KEPT_3_0, CHANGED


def test_the_document_has_no_keywords_of_3_1_and_none_that_later_values_break() -> None:
    forbidden = {"const", "enum", "examples", "anyOf", "oneOf", "discriminator"}
    types = {None, "string", "integer", "number", "boolean", "array", "object"}
    seen = 0
    for path, node in schemas():
        seen += 1
        assert not forbidden & set(node), path
        assert node.get("type") in types, path
        assert node.get("additionalProperties", True) is not False, path
        if "properties" in node:
            assert node["additionalProperties"] is True, path
        if "$ref" in node:
            assert set(node) == {"$ref"}, path
    assert seen > 500


def test_every_operation_is_there() -> None:
    def ids(document: dict[str, Any]) -> list[str]:
        return [path["get"]["operationId"] for path in document["paths"].values()]

    assert KEPT_3_0["openapi"] == "3.0.3"
    assert list(KEPT_3_0["paths"]) == list(KEPT["paths"])
    assert [each.lower() for each in ids(KEPT_3_0)] == [each.replace("_", "") for each in ids(KEPT)]
    assert len(set(ids(KEPT_3_0))) == len(KEPT["paths"])
    assert KEPT_3_0["info"]["license"]["name"] == KEPT["info"]["license"]["name"]


def test_links_lead_to_operations() -> None:
    operations = [path["get"] for path in KEPT_3_0["paths"].values()]
    linked = {
        link["operationId"]
        for operation in operations
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    }

    assert linked
    assert linked <= {operation["operationId"] for operation in operations}


def test_examples_fit_as_they_are_and_as_a_newer_server_sends_them() -> None:
    seen = 0
    for path, status, media_type, content, other in responses():
        for example in content.get("examples", {}).values():
            seen += 1
            validate(example["value"], other["schema"])
            if "json" in media_type and "ndjson" not in media_type:
                newer = extended(example["value"], content["schema"], has_newer_members=True)
                assert newer != example["value"], (path, status)
                validate(newer, other["schema"])
    assert seen > 20


def test_a_wrong_type_fits_neither(client: TestClient) -> None:
    page = client.get("/sa-contexts?limit=1").json()
    page["items"][0]["saContextId"] = 7

    with pytest.raises(jsonschema.ValidationError):
        validate(page, {"$ref": f"{PREFIX}SaContextPage"})


def test_all_values_of_enumerations_are_listed() -> None:
    listed = {
        tuple(node["x-extensible-enum"])
        for _, node in nodes(KEPT_3_0)
        if "x-extensible-enum" in node
    }
    of_unions = {value for values in listed for value in values}
    for name, schema in KEPT["components"]["schemas"].items():
        if "enum" in schema:
            assert tuple(schema["enum"]) in listed or of_unions >= set(schema["enum"]), name
    for path, node in nodes(KEPT_3_0):
        for value in node.get("x-extensible-enum", ()):
            assert "/parameters/" in path or f"`{value}`" in node["description"], path
    for item in KEPT_3_0["paths"].values():
        for parameter in item["get"].get("parameters", ()):
            part = parameter["schema"].get("items", parameter["schema"])
            for value in part.get("x-extensible-enum", ()):
                assert f"`{value}`" in parameter["description"], parameter["name"]
