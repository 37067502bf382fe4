"""What the published document promises of answers."""

from __future__ import annotations

from typing import Any

import httpx2
import jsonschema


def assert_documented(document: dict[str, Any], response: httpx2.Response, path: str) -> None:
    """The response to GET is one that the OpenAPI document promises for the path."""
    responses = document["paths"][path]["get"]["responses"]
    content = responses[str(response.status_code)]["content"]
    schema = content[response.headers["content-type"].partition(";")[0]]["schema"]
    _validate(document, schema, response.json())


def assert_of_shape(document: dict[str, Any], value: Any, shape: str) -> None:
    """Check an event's value against the schema of this name."""
    _validate(document, {"$ref": f"#/components/schemas/{shape}"}, value)


def _validate(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]},
    ).validate(value)
