"""`/openapi.json` and `/docs`: the contract, for programs and for people.

The page needs nothing but this server: Swagger UI comes from a package that is
installed with it, and the policy of the page forbids the browser all else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.api.conditional import conditional_response
from app.api.problems import NOT_FOUND, ProblemError
from app.api.streaming import PiecesResponse


router = APIRouter(include_in_schema=False)

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
"""Beside those of every answer (`app.server.security_headers`)."""

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sa-contexts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{swagger-ui.css}">
</head>
<body>
<noscript>This page needs scripts; <a href="openapi.json">openapi.json</a> has the same.</noscript>
<div id="api"></div>
<script src="{swagger-ui-bundle.js}"></script>
<script src="{start.js}"></script>
</body>
</html>
"""

_START: Final = b"""\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: ["get"],
  validatorUrl: null,
});
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """What the page consists of; the name changes with the content, so it may be kept for ever."""

    name: str
    content: bytes
    media_type: str


@cache
def _assets() -> dict[str, Asset]:
    """The assets by their plain names."""
    swagger = resources.files("fastapi_standalone_docs") / "static" / "swagger"
    contents = {
        "swagger-ui.css": (swagger / "swagger-ui.css").read_bytes(),
        "swagger-ui-bundle.js": (swagger / "swagger-ui-bundle.js").read_bytes(),
        "start.js": _START,
    }
    media_types = {"css": "text/css", "js": "text/javascript"}
    return {
        plain: Asset(f"{_digest(content)}-{plain}", content, media_types[plain.rpartition(".")[2]])
        for plain, content in contents.items()
    }


@router.get("/openapi.json")
async def get_document(request: Request) -> Response:
    """The OpenAPI document."""
    return conditional_response(request, orjson.dumps(request.app.openapi()), headers={})


@router.get("/")
async def get_root() -> Response:
    """For who opens the server in a browser: the way to the page."""
    return RedirectResponse("docs", headers={"Cache-Control": "no-store"})


@router.get("/docs")
async def get_page(request: Request) -> Response:
    """The OpenAPI document as a page."""
    page = _PAGE
    for plain, asset in _assets().items():
        page = page.replace(f"{{{plain}}}", f"docs/{asset.name}")
    return conditional_response(
        request, page.encode(), media_type="text/html; charset=utf-8", headers=_HEADERS
    )


@router.get("/docs/{name}")
async def get_asset(name: str) -> Response:
    """A part of the page."""
    for asset in _assets().values():
        if asset.name == name:
            response = PiecesResponse([asset.content], asset.media_type, len(asset.content))
            response.headers.update(_HEADERS)
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
            return response
    raise ProblemError(NOT_FOUND, "The page has no such part.")


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]
