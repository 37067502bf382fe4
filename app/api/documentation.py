"""`/openapi.json` and `/docs`: the OpenAPI document, for programs and for people.

`/openapi-3.0.json` is the document's 3.0.3 form, for generators that handle 3.1 poorly.

The page `/docs` loads nothing from other servers: Swagger UI comes from an installed package, and
the content security policy forbids other sources.
"""

from __future__ import annotations

from functools import cache, partial
from importlib import resources
from typing import Any, Final, cast

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from app.api.conditional import REVALIDATE
from app.api.constant import Constant, Once, constant
from app.api.media_types import JSON_UTF_8
from app.api.openapi.downgrade import as_3_0
from app.api.page import Page, build
from app.api.problems import NOT_FOUND, ProblemError


router = APIRouter(include_in_schema=False)

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
"""Headers of the page, besides those of every response (`app.server.security_headers`)."""

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sa-contexts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript; see <a href="openapi.json">openapi.json</a>.</noscript>
{link}<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

_LINK: Final = """\
<nav><a href=".">Console</a></nav>
"""
"""Leads to the console, which is at the server's root."""

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


class Documentation:
    """The documentation of one application, built on first request.

    Attributes:
        document: the OpenAPI document, which takes half a second to build.
        document_3_0: the 3.0.3 form of the document.
        page: the page that shows the document.
    """

    def __init__(self, app: FastAPI, *, has_console: bool) -> None:
        self.document = Once(lambda: _json(app.openapi()))
        self.document_3_0 = Once(lambda: _json(as_3_0(app.openapi())))
        self.page = Once(partial(_page, has_console=has_console))


def install(app: FastAPI, *, has_console: bool) -> None:
    """Store the documentation of `app` in its state, where the routes find it.

    Args:
        app: the application.
        has_console: whether the page links to the console.
    """
    app.state.documentation = Documentation(app, has_console=has_console)


@cache
def _page(*, has_console: bool) -> Page:
    """Build the page; it is identical for all applications that have the console, or do not."""
    swagger = resources.files("fastapi_standalone_docs") / "static" / "swagger"
    files = {
        "swagger-ui.css": (swagger / "swagger-ui.css").read_bytes(),
        "swagger-ui-bundle.js": (swagger / "swagger-ui-bundle.js").read_bytes(),
        "start.js": _START,
    }
    html = _PAGE.replace("{link}", _LINK if has_console else "")
    return build(html, "docs", files, _HEADERS)


def _json(document: dict[str, Any]) -> Constant:
    return constant(orjson.dumps(document), JSON_UTF_8, {"Cache-Control": REVALIDATE})


@router.get("/openapi.json")
async def get_document(request: Request) -> Response:
    """Get the OpenAPI document."""
    return (await _of(request).document.get()).response(request)


@router.get("/openapi-3.0.json")
async def get_document_3_0(request: Request) -> Response:
    """Get the OpenAPI document in its 3.0.3 form."""
    return (await _of(request).document_3_0.get()).response(request)


@router.get("/docs")
async def get_page(request: Request) -> Response:
    """Get the documentation page."""
    return (await _of(request).page.get()).html.response(request)


@router.get("/docs/{name}")
async def get_asset(request: Request, name: str) -> Response:
    """Get a script or style of the page."""
    asset = (await _of(request).page.get()).assets.get(name)
    if asset is None:
        raise ProblemError(NOT_FOUND, "The page has no such asset.")
    return asset.response(request)


def _of(request: Request) -> Documentation:
    return cast(Documentation, request.app.state.documentation)


def redirect_to_page() -> Response:
    """Return a redirect from the server's root to the page."""
    return RedirectResponse("docs", headers={"Cache-Control": "no-store"})
