"""The OpenAPI document, with problems under their own media type."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.problems import MEDIA_TYPE


DESCRIPTION = """The IPsec security associations of a Windows host, as its filter engine holds them.

Names are those of the Windows Filtering Platform (ipsectypes.h, fwpmu.h), so its documentation
explains the fields. 64-bit numbers are text. Key material is never shown."""


def install(app: FastAPI) -> None:
    """Let `app` publish the document that clients and generators are given."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/"}],
    )
    for path in document["paths"].values():
        for operation in path.values():
            unvalidated = operation["responses"].get("422", {})
            if "HTTPValidationError" in str(unvalidated):
                del operation["responses"]["422"]  # FastAPI's own, where no parameter can be bad
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    _as_problem(response)
    for generic in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(generic, None)
    return document


def _as_problem(response: dict[str, Any]) -> None:
    """Move what FastAPI documents as JSON to the media type that problems have."""
    content = response.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if "Readiness" not in schema.get("$ref", "") and "application/json" in content:
        content[MEDIA_TYPE] = content.pop("application/json")
