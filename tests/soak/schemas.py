"""Validation by the schemas of the published OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs


DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
SCHEMA = "#/components/schemas/"


def reason_against(content: Any, schema: str) -> str | None:
    """Return why a value violates a schema of the document; None if it is valid."""
    if _validator(schema).is_valid(content):
        return None
    # The first is fast; the second explains errors better, but checks no formats.
    best = jsonschema.exceptions.best_match(_second_validator(schema).iter_errors(content))
    if best is not None:
        return f"{best.json_path}: {best.message}"
    first = next(iter(_validator(schema).iter_errors(content)))
    return f"{first.instance_path}: {first.message}"


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(_rooted(schema), validate_formats=True)


@cache
def _second_validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_rooted(schema))


def _rooted(schema: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": schema,
        "components": DOCUMENT["components"],
    }
