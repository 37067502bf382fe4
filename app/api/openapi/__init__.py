"""The OpenAPI document: FastAPI's, made into one that linters and SDK generators accept.

What routes and shapes declare flows in; nothing here names one of them. What is
published is kept in docs/openapi.json, so that no change of it goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.constants import REF_TEMPLATE
from fastapi.openapi.utils import get_openapi

from app.api.openapi.components import name_headers, without_unused
from app.api.openapi.examples import add_examples
from app.api.openapi.operations import complete, name_problem_codes
from app.api.openapi.schemas import tidy_parameter, tidy_schemas
from app.api.resource import Resource
from app.schemas.base import Shape
from app.schemas.pages import StreamEnd, StreamPlace


DESCRIPTION: Final = """\
What the filter engine of this host holds, under the names of the Windows Filtering Platform
(ipsectypes.h, fwpmu.h), so that its documentation explains the fields. Key material is never shown.

**Numbers.** 64-bit numbers (ids, LUIDs, weights) are text, for JSON numbers lose them above 2^53.

**Growth.** Endpoints, parameters, fields, words of enumerations and problem codes may be added at
any time; a client ignores fields that it does not know. Where a response has a word that may be
newer than this document, its schema is named so (`CipherTypeOrNewer`) and takes any text, so that
generated clients do too. What *Windows* has and this server has no word for is `unknown`, with the
number beside it (`cipherType`, `cipherTypeRaw`). The words that tell the variants of a union apart
(`transformType`, the `type` of a value) are not added to: what is new there is `unknown`.

**Failures** are `application/problem+json` (RFC 9457). `code` says which kind, and
`/problems/{code}` what to do about it."""

TAGS: Final = (
    {
        "name": "Engine",
        "description": "The filter engine behind the server: whose it is, and whether it answers.",
    },
    {
        "name": "Metrics",
        "description": "Counts and states for a monitoring system; they cost the engine nothing.",
    },
    {"name": "Health", "description": "Probes that cost the engine nothing."},
    {"name": "Problems", "description": "What failures mean, and what to do about them."},
)
"""Of endpoints that are no resource's."""

STREAM_SHAPES: Final[tuple[type[Shape], ...]] = (StreamPlace, StreamEnd)
"""Shapes that only events of streams have, whichever resource's."""


def install(app: FastAPI, resources: Sequence[Resource]) -> None:
    """Let `app` publish the document that clients and generators are given."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, resources)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _document(app: FastAPI, resources: Sequence[Resource]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "/", "description": "The server that this document comes from."}],
        tags=[
            *({"name": each.tag, "description": each.description} for each in resources),
            *(dict(tag) for tag in TAGS),
        ],
        routes=app.routes,
    )
    document["security"] = []
    components = document["components"]
    of_resources = (shape for each in resources for shape in each.stream_shapes)
    for shape in (*STREAM_SHAPES, *of_resources):
        schema = shape.model_json_schema(ref_template=REF_TEMPLATE, mode="serialization")
        components["schemas"].update(schema.pop("$defs", {}), **{shape.__name__: schema})
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        complete(operation)
        for parameter in operation.get("parameters", ()):
            tidy_parameter(parameter, components["schemas"])
    name_problem_codes(components["schemas"])
    tidy_schemas(components["schemas"])
    name_headers(operations, components)
    add_examples(operations)
    components["schemas"] = without_unused(document)
    return document
