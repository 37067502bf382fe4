"""The OpenAPI document: FastAPI's document, adapted for linters and SDK generators.

Everything specific to a resource or an answer comes from its routes and shapes. The document is
committed as docs/openapi.json, so that every change to it is reviewed.
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
from app.api.openapi.schemas import NEWER_VALUES, tidy_parameter, tidy_schemas
from app.api.resource import Endpoints
from app.schemas.base import Shape
from app.schemas.pages import StreamEnd, StreamPosition


DESCRIPTION: Final = f"""\
The IPsec objects of this host's filter engine. Fields have the names of the Windows Filtering
Platform (ipsectypes.h, fwpmu.h), whose documentation explains them. Key material is never shown.

**Numbers.** 64-bit numbers (ids, LUIDs, weights) are strings, because JSON numbers lose precision
above 2^53.

**References.** Objects refer to others by id; `links` say where the ids lead. A reference that the
engine has not set is null. URLs in responses (`Link`, `restartUrl`, `resumeUrl`, `type`,
`instance`) are relative to the request's, and so lead to the right place below any prefix.

**Compatibility.** Endpoints, parameters, fields, enumeration values and problem codes may be added
at any time; clients must ignore unknown fields. {NEWER_VALUES} \
Values of *Windows* that this server does not know are `unknown`, with the number in a
second field (`cipherType`, `cipherTypeRaw`). Discriminators of unions (`transformType`, the `type`
of a value) never get new values: new variants are `unknown`.

**Failures** are `application/problem+json` (RFC 9457). `code` identifies the kind of problem, and
`/problems/{{code}}` explains how to resolve it."""

TAGS: Final = (
    {
        "name": "Engine",
        "description": "The filter engine behind the server, and whether it can be read.",
    },
    {
        "name": "Metrics",
        "description": "Metrics for a monitoring system; scraping does not call the engine.",
    },
    {"name": "Health", "description": "Liveness and readiness probes; they never call the engine."},
    {"name": "Problems", "description": "The kinds of problems and how to resolve them."},
)
"""The tags of endpoints that belong to no resource and no answer."""

STREAM_SHAPES: Final[tuple[type[Shape], ...]] = (StreamPosition, StreamEnd)
"""The shapes of stream events that all resources share."""


def install(app: FastAPI, endpoints: Sequence[Endpoints]) -> None:
    """Make `app` publish the adapted document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, endpoints)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents


def _document(app: FastAPI, endpoints: Sequence[Endpoints]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": ".", "description": "The server that publishes this document."}],
        tags=[
            *({"name": each.tag, "description": each.description} for each in endpoints),
            *(dict(tag) for tag in TAGS),
        ],
        routes=app.routes,
    )
    document["security"] = []
    components = document["components"]
    own_shapes = (shape for each in endpoints for shape in each.stream_shapes)
    for shape in (*STREAM_SHAPES, *own_shapes):
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
